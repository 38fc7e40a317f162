import torch


def compute_reward(
    cart_position: torch.Tensor, pole_angle: torch.Tensor, pole_velocity: torch.Tensor
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    angle_temperature = 0.5
    soon_temperature = 0.3
    position_temperature = 2.0
    horizon = 0.15  # s

    upright = torch.exp(-torch.square(pole_angle) / angle_temperature)
    soon = torch.exp(-torch.square(pole_angle + horizon * pole_velocity) / soon_temperature)
    centred = 0.5 * torch.exp(-torch.square(cart_position) / position_temperature)

    total = upright + soon + centred
    return total, {"upright": upright, "soon": soon, "centred": centred}
