import torch

LOOK_AHEAD = 0.1  # s


def near_zero(x: torch.Tensor, temperature: float) -> torch.Tensor:
    return torch.exp(-torch.abs(x) / temperature)


def compute_reward(
    cart_position: torch.Tensor,
    cart_velocity: torch.Tensor,
    pole_angle: torch.Tensor,
    pole_velocity: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    angle_temperature = 0.3
    position_temperature = 1.5

    pole_soon = near_zero(pole_angle + LOOK_AHEAD * pole_velocity, angle_temperature)
    cart_soon = 0.5 * near_zero(cart_position + LOOK_AHEAD * cart_velocity, position_temperature)

    total = pole_soon + cart_soon
    return total, {"pole_soon": pole_soon, "cart_soon": cart_soon}
