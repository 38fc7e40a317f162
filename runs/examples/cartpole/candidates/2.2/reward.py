import math
import torch

CART_LIMIT = 3.0
ANGLE_LIMIT = math.pi / 2

GRAVITY = 9.81
POLE_LENGTH = 1.0
# Growth rate of the lean of a 1 kg pole on a free 1 kg cart, per second.
OMEGA = math.sqrt(GRAVITY / (0.5 * POLE_LENGTH * (4.0 / 3.0 - 0.5)))
CART_LOOKAHEAD = 0.4              # s

FALLING_WIDE_TEMPERATURE = 1.2    # rad, of the size that random play shows
FALLING_FINE_TEMPERATURE = 0.25   # rad, near balance
ANGLE_TEMPERATURE = 0.4           # rad
CENTRE_TEMPERATURE = 1.5          # m
CART_VELOCITY_TEMPERATURE = 2.5   # m/s
EFFORT_WIDE_TEMPERATURE = 0.6     # of the absolute action
EFFORT_FINE_TEMPERATURE = 0.12    # of the absolute action

W_ALIVE = 1.0
W_FALLING_WIDE = 1.0
W_FALLING_FINE = 0.6
W_ANGLE = 0.4
W_CENTRE = 0.4
W_CART_VELOCITY = 0.4
W_EFFORT_WIDE = 0.4
W_EFFORT_FINE = 0.2


def compute_reward(
    cart_position: torch.Tensor,
    cart_velocity: torch.Tensor,
    pole_angle: torch.Tensor,
    pole_velocity: torch.Tensor,
    action: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    failed = (torch.abs(cart_position) > CART_LIMIT) | (torch.abs(pole_angle) > ANGLE_LIMIT)
    alive = torch.where(failed, torch.zeros_like(pole_angle), torch.ones_like(pole_angle))

    # Where the pole is about to fall: zero means that it comes to rest upright.
    falling = torch.abs(pole_angle + pole_velocity / OMEGA)
    falling_wide = torch.exp(-falling / FALLING_WIDE_TEMPERATURE)
    falling_fine = torch.exp(-falling / FALLING_FINE_TEMPERATURE)
    upright = torch.exp(-torch.abs(pole_angle) / ANGLE_TEMPERATURE)

    # Where the cart is about to be.
    ahead = torch.abs(cart_position + CART_LOOKAHEAD * cart_velocity)
    centre = torch.exp(-ahead / CENTRE_TEMPERATURE)
    cart_calm = torch.exp(-torch.abs(cart_velocity) / CART_VELOCITY_TEMPERATURE)

    size = torch.sum(torch.abs(action), dim=-1)
    effort_wide = torch.exp(-size / EFFORT_WIDE_TEMPERATURE)
    effort_fine = torch.exp(-size / EFFORT_FINE_TEMPERATURE)

    shaped = (
        W_FALLING_WIDE * falling_wide
        + W_FALLING_FINE * falling_fine
        + W_ANGLE * upright
        + W_CENTRE * centre
        + W_CART_VELOCITY * cart_calm
        + W_EFFORT_WIDE * effort_wide
        + W_EFFORT_FINE * effort_fine
    )
    # The step that ends an episode by failure pays nothing.
    total = alive * (W_ALIVE + shaped)

    return total, {
        "alive": alive,
        "falling_wide": falling_wide,
        "falling_fine": falling_fine,
        "upright": upright,
        "centre": centre,
        "cart_calm": cart_calm,
        "effort_wide": effort_wide,
        "effort_fine": effort_fine,
    }
