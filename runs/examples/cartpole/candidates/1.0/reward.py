import math
import torch

CART_LIMIT = 3.0
ANGLE_LIMIT = math.pi / 2

ANGLE_WIDE_TEMPERATURE = 0.6      # rad, gives direction for large leans
ANGLE_FINE_TEMPERATURE = 0.12     # rad, sharpens balance near upright
POSITION_TEMPERATURE = 1.0        # m
CART_VELOCITY_TEMPERATURE = 3.0   # m/s
POLE_VELOCITY_TEMPERATURE = 4.0   # rad/s
EFFORT_TEMPERATURE = 0.4          # of the squared action

W_ALIVE = 1.0
W_ANGLE_WIDE = 0.6
W_ANGLE_FINE = 0.4
W_POSITION = 0.6
W_CART_VELOCITY = 0.4
W_POLE_VELOCITY = 0.4
W_EFFORT = 0.3


def compute_reward(
    cart_position: torch.Tensor,
    cart_velocity: torch.Tensor,
    pole_angle: torch.Tensor,
    pole_velocity: torch.Tensor,
    action: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    failed = (torch.abs(cart_position) > CART_LIMIT) | (torch.abs(pole_angle) > ANGLE_LIMIT)
    alive = torch.where(failed, torch.zeros_like(pole_angle), torch.ones_like(pole_angle))

    abs_angle = torch.abs(pole_angle)
    angle_wide = torch.exp(-abs_angle / ANGLE_WIDE_TEMPERATURE)
    angle_fine = torch.exp(-abs_angle / ANGLE_FINE_TEMPERATURE)
    position = torch.exp(-torch.abs(cart_position) / POSITION_TEMPERATURE)
    cart_calm = torch.exp(-torch.abs(cart_velocity) / CART_VELOCITY_TEMPERATURE)
    pole_calm = torch.exp(-torch.abs(pole_velocity) / POLE_VELOCITY_TEMPERATURE)
    effort = torch.exp(-torch.sum(action * action, dim=-1) / EFFORT_TEMPERATURE)

    shaped = (
        W_ANGLE_WIDE * angle_wide
        + W_ANGLE_FINE * angle_fine
        + W_POSITION * position
        + W_CART_VELOCITY * cart_calm
        + W_POLE_VELOCITY * pole_calm
        + W_EFFORT * effort
    )
    # The step that ends an episode by failure pays nothing.
    total = alive * (W_ALIVE + shaped)

    return total, {
        "alive": alive,
        "angle_wide": angle_wide,
        "angle_fine": angle_fine,
        "position": position,
        "cart_calm": cart_calm,
        "pole_calm": pole_calm,
        "effort": effort,
    }
