import torch


def compute_reward(
    cart_position: torch.Tensor, cart_velocity: torch.Tensor, pole_angle: torch.Tensor, pole_velocity: torch.Tensor
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    angle_temperature = 0.2
    position_temperature = 1.0

    alive = torch.full_like(pole_angle, 0.5)
    upright = torch.exp(-torch.square(pole_angle) / angle_temperature)
    centred = 0.3 * torch.exp(-torch.square(cart_position) / position_temperature)
    calm = -0.03 * torch.abs(cart_velocity) - 0.02 * torch.abs(pole_velocity)

    total = alive + upright + centred + calm
    return total, {"alive": alive, "upright": upright, "centred": centred, "calm": calm}
