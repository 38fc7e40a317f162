import torch


def compute_reward(
    cart_position: torch.Tensor,
    cart_velocity: torch.Tensor,
    pole_angle: torch.Tensor,
    pole_velocity: torch.Tensor,
    action: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    angle_temperature = 0.1
    position_temperature = 1.0

    upright = torch.exp(-torch.square(pole_angle) / angle_temperature)
    centred = 0.3 * torch.exp(-torch.square(cart_position) / position_temperature)
    calm = -0.01 * torch.abs(cart_velocity) - 0.005 * torch.abs(pole_velocity)
    effort = -0.01 * torch.sum(torch.square(action), dim=-1)

    total = upright + centred + calm + effort
    return total, {"upright": upright, "centred": centred, "calm": calm, "effort": effort}
