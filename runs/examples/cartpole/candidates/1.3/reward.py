import torch
import math

ALIVE_BONUS = 1.0

W_COSINE = 0.5
W_UPRIGHT = 1.0
W_CENTRE = 0.7
W_STILL = 0.4
W_FORCE = 0.15

UPRIGHT_TEMPERATURE = 0.05    # rad^2
CENTRE_TEMPERATURE = 1.0      # m
STILL_POLE_TEMPERATURE = 3.0  # rad/s
STILL_CART_TEMPERATURE = 3.0  # m/s

LOOK_AHEAD = 0.25             # s, where the cart will be if it keeps its speed
CART_LIMIT = 3.0              # m
ANGLE_LIMIT = math.pi / 2     # rad


def compute_reward(
    cart_position: torch.Tensor,
    cart_velocity: torch.Tensor,
    pole_angle: torch.Tensor,
    pole_velocity: torch.Tensor,
    action: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    inside = (torch.abs(cart_position) <= CART_LIMIT) & (torch.abs(pole_angle) <= ANGLE_LIMIT)
    alive = inside.to(pole_angle.dtype)

    # Wide and narrow measures of uprightness.
    cosine = torch.clamp(torch.cos(pole_angle), min=0.0)
    upright = torch.exp(-torch.square(pole_angle) / UPRIGHT_TEMPERATURE)

    # The cart should be, and be heading, near the middle of the rail.
    coming_position = cart_position + LOOK_AHEAD * cart_velocity
    centre = torch.exp(-torch.abs(coming_position) / CENTRE_TEMPERATURE)

    # Stillness counts most when the pole is upright, so that large corrections
    # of a leaning pole are not discouraged.
    still_pole = torch.exp(-torch.abs(pole_velocity) / STILL_POLE_TEMPERATURE)
    still_cart = torch.exp(-torch.abs(cart_velocity) / STILL_CART_TEMPERATURE)
    still = upright * 0.5 * (still_pole + still_cart)

    force = torch.square(torch.clamp(action, -1.0, 1.0)).sum(dim=-1)

    total = alive * (
        ALIVE_BONUS
        + W_COSINE * cosine
        + W_UPRIGHT * upright
        + W_CENTRE * cosine * centre
        + W_STILL * still
        - W_FORCE * force
    )

    return total, {
        "alive": alive,
        "cosine": cosine,
        "upright": upright,
        "centre": centre,
        "still": still,
        "force": force,
        "distance_from_middle": torch.abs(cart_position),
        "cart_speed": torch.abs(cart_velocity),
    }
