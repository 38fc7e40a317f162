import math
import torch

CART_LIMIT = 3.0
ANGLE_LIMIT = math.pi / 2
GRAVITY = 9.81
POLE_LENGTH = 1.0
OMEGA = math.sqrt(1.5 * GRAVITY / POLE_LENGTH)  # 1/s, rate at which the pole falls
LOOK_AHEAD = 0.5                                # s, for the cart

FALLING_WIDE_TEMPERATURE = 1.0    # rad, gives direction in random play
FALLING_FINE_TEMPERATURE = 0.2    # rad, sharpens the balance
ANGLE_TEMPERATURE = 0.5           # rad
CENTRED_TEMPERATURE = 1.5         # m, of the position a little ahead
POLE_VELOCITY_TEMPERATURE = 4.0   # rad/s
CART_VELOCITY_TEMPERATURE = 3.0   # m/s
EFFORT_TEMPERATURE = 0.4          # of the absolute action

W_ALIVE = 1.0
W_FALLING_WIDE = 0.9
W_FALLING_FINE = 0.4
W_ANGLE = 0.3
W_CENTRED = 0.5
W_POLE_VELOCITY = 0.3
W_CART_VELOCITY = 0.3
W_EFFORT = 0.5


def compute_reward(
    cart_position: torch.Tensor,
    cart_velocity: torch.Tensor,
    pole_angle: torch.Tensor,
    pole_velocity: torch.Tensor,
    action: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    failed = (torch.abs(cart_position) > CART_LIMIT) | (torch.abs(pole_angle) > ANGLE_LIMIT)
    alive = torch.where(failed, torch.zeros_like(pole_angle), torch.ones_like(pole_angle))

    # Unstable mode of the pole: zero means that it comes to rest upright by itself.
    falling = torch.abs(pole_angle + pole_velocity / OMEGA)
    falling_wide = torch.exp(-falling / FALLING_WIDE_TEMPERATURE)
    falling_fine = torch.exp(-falling / FALLING_FINE_TEMPERATURE)

    upright = torch.exp(-torch.abs(pole_angle) / ANGLE_TEMPERATURE)

    # Where the cart is about to be.
    ahead = torch.abs(cart_position + LOOK_AHEAD * cart_velocity)
    centred = torch.exp(-ahead / CENTRED_TEMPERATURE)

    pole_calm = torch.exp(-torch.abs(pole_velocity) / POLE_VELOCITY_TEMPERATURE)
    cart_calm = torch.exp(-torch.abs(cart_velocity) / CART_VELOCITY_TEMPERATURE)
    effort = torch.exp(-torch.sum(torch.abs(action), dim=-1) / EFFORT_TEMPERATURE)

    shaped = (
        W_FALLING_WIDE * falling_wide
        + W_FALLING_FINE * falling_fine
        + W_ANGLE * upright
        + W_CENTRED * centred
        + W_POLE_VELOCITY * pole_calm
        + W_CART_VELOCITY * cart_calm
        + W_EFFORT * effort
    )
    # The step that ends an episode by failure pays nothing.
    total = alive * (W_ALIVE + shaped)

    return total, {
        "alive": alive,
        "falling_wide": falling_wide,
        "falling_fine": falling_fine,
        "upright": upright,
        "centred": centred,
        "pole_calm": pole_calm,
        "cart_calm": cart_calm,
        "effort": effort,
        "abs_angle": torch.abs(pole_angle),
        "abs_position": torch.abs(cart_position),
    }
