import torch
import math

ALIVE_WEIGHT = 1.0
ANGLE_WEIGHT = 1.0
POSITION_WEIGHT = 0.5
POLE_VELOCITY_WEIGHT = 0.3
CART_VELOCITY_WEIGHT = 0.3
ACTION_WEIGHT = 0.2

ANGLE_TEMPERATURE = 0.3          # rad
POSITION_TEMPERATURE = 1.0       # m
POLE_VELOCITY_TEMPERATURE = 4.0  # rad/s
CART_VELOCITY_TEMPERATURE = 3.0  # m/s


def compute_reward(
    cart_position: torch.Tensor,
    cart_velocity: torch.Tensor,
    pole_angle: torch.Tensor,
    pole_velocity: torch.Tensor,
    action: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    cart_limit = 3.0
    angle_limit = math.pi / 2

    failed = (torch.abs(cart_position) > cart_limit) | (torch.abs(pole_angle) > angle_limit)
    alive = torch.where(failed, torch.zeros_like(pole_angle), torch.ones_like(pole_angle))

    # Bounded shapes, each with its own temperature.
    upright = torch.exp(-torch.abs(pole_angle) / ANGLE_TEMPERATURE)
    centred = torch.exp(-torch.square(cart_position / POSITION_TEMPERATURE))
    pole_slow = torch.exp(-torch.abs(pole_velocity) / POLE_VELOCITY_TEMPERATURE)
    cart_slow = torch.exp(-torch.abs(cart_velocity) / CART_VELOCITY_TEMPERATURE)

    # The force actually applied: the action lies in [-1, 1].
    force_squared = torch.square(torch.clamp(action, -1.0, 1.0)).sum(dim=-1)
    gentle = 1.0 - force_squared

    total = alive * (
        ALIVE_WEIGHT
        + ANGLE_WEIGHT * upright
        + POSITION_WEIGHT * centred
        + POLE_VELOCITY_WEIGHT * pole_slow
        + CART_VELOCITY_WEIGHT * cart_slow
        + ACTION_WEIGHT * gentle
    )

    return total, {
        "alive": alive,
        "upright": upright,
        "centred": centred,
        "pole_slow": pole_slow,
        "cart_slow": cart_slow,
        "gentle": gentle,
        "abs_angle": torch.abs(pole_angle),
        "abs_position": torch.abs(cart_position),
    }
