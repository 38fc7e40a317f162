import torch


def compute_reward(cart_position, cart_velocity, pole_angle, pole_velocity, action, last_action):
    band = 0.15  # rad

    in_band = (torch.abs(pole_angle) < band).float()
    regulator = -(torch.square(pole_angle) + 0.1 * torch.square(cart_position))
    damping = -0.01 * (torch.square(cart_velocity) + 0.1 * torch.square(pole_velocity))
    smooth = -0.05 * torch.square(action - last_action).sum(dim=-1)

    total = 1.0 + in_band + regulator + damping + smooth
    return total, {"in_band": in_band, "regulator": regulator, "damping": damping, "smooth": smooth}
