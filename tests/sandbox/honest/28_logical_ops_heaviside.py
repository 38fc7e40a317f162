import torch


def compute_reward(height, rotation, linear_velocity, target_speed, heading_error, fallen, feet_contact, steps):
    up_z = 1.0 - 2.0 * (rotation[:, 1].pow(2) + rotation[:, 2].pow(2))
    zero = torch.zeros_like(height)
    half = torch.tensor(0.5, device=height.device)

    upright_step = torch.heaviside(up_z - 0.85, half)
    height_step = torch.heaviside(height - 0.3, zero)

    ok = torch.logical_and(torch.logical_not(fallen), up_z > 0.5)
    some_contact = torch.any(feet_contact, dim=-1)
    stable = torch.logical_or(feet_contact[:, 0] & feet_contact[:, 3], feet_contact[:, 1] & feet_contact[:, 2])
    odd = torch.logical_xor(feet_contact[:, 0], feet_contact[:, 1])

    speed_ok = torch.isclose(linear_velocity[:, 0], target_speed, atol=0.2, rtol=0.0)
    heading_ok = torch.lt(torch.abs(heading_error), 0.3)
    both = speed_ok & heading_ok
    started = torch.ge(steps, 10)

    dense = torch.exp(-torch.abs(linear_velocity[:, 0] - target_speed))
    sparse = both.float() * started + 0.5 * (speed_ok ^ heading_ok).float()
    posture = 0.3 * upright_step + 0.2 * height_step
    contact = 0.1 * stable.float() + 0.05 * odd.float() - 0.1 * some_contact.logical_not()

    reward = torch.where(ok, dense + sparse + posture + contact, zero - 1.0)
    return reward, {"dense": dense, "sparse": sparse, "posture": posture, "contact": contact, "ok": ok}
