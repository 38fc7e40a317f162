import torch


def compute_reward(
    cart_position: torch.Tensor, cart_velocity: torch.Tensor, pole_angle: torch.Tensor
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    angle_temperature = 0.1
    position_temperature = 1.0
    speed_limit = 2.0  # m/s

    upright = torch.exp(-torch.square(pole_angle) / angle_temperature)
    centred = 0.3 * torch.exp(-torch.square(cart_position) / position_temperature)
    fast = -0.2 * torch.relu(torch.abs(cart_velocity) - speed_limit)

    total = upright + centred + fast
    return total, {"upright": upright, "centred": centred, "fast": fast}
