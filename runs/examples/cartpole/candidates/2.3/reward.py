import math
import torch

CART_LIMIT = 3.0
ANGLE_LIMIT = math.pi / 2

OMEGA = 4.85                      # 1/s, growth rate of the lean on a free cart
LEAN_PER_METRE = 0.08             # rad of wanted lean per metre off the middle
CART_LOOKAHEAD = 0.8              # s
MAX_WANTED_LEAN = 0.15            # rad

BALANCE_WIDE_TEMPERATURE = 0.8    # rad, of a heavy-tailed shape
BALANCE_FINE_TEMPERATURE = 0.2    # rad
CART_VELOCITY_TEMPERATURE = 2.0   # m/s
POSITION_TEMPERATURE = 1.0        # m
EFFORT_TEMPERATURE = 0.35         # of the absolute action
EDGE_START = 1.5                  # m, from here to the limit the edge term falls to 0

W_ALIVE = 1.5
W_BALANCE_WIDE = 1.2
W_BALANCE_FINE = 0.6
W_CART_VELOCITY = 0.5
W_POSITION = 0.3
W_EFFORT = 0.4
W_EDGE = 0.4


def compute_reward(
    cart_position: torch.Tensor,
    cart_velocity: torch.Tensor,
    pole_angle: torch.Tensor,
    pole_velocity: torch.Tensor,
    action: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    distance = torch.abs(cart_position)
    failed = (distance > CART_LIMIT) | (torch.abs(pole_angle) > ANGLE_LIMIT)
    alive = torch.where(failed, torch.zeros_like(pole_angle), torch.ones_like(pole_angle))

    # A lean towards the middle makes the cart return to it while it balances.
    wanted_lean = torch.clamp(
        LEAN_PER_METRE * (cart_position + CART_LOOKAHEAD * cart_velocity),
        -MAX_WANTED_LEAN,
        MAX_WANTED_LEAN,
    )
    balance_error = torch.abs(pole_angle + pole_velocity / OMEGA - wanted_lean)
    balance_wide = 1.0 / (1.0 + balance_error / BALANCE_WIDE_TEMPERATURE)
    balance_fine = torch.exp(-balance_error / BALANCE_FINE_TEMPERATURE)

    cart_calm = torch.exp(-torch.abs(cart_velocity) / CART_VELOCITY_TEMPERATURE)
    position = torch.exp(-distance / POSITION_TEMPERATURE)
    effort = torch.exp(-torch.sum(torch.abs(action), dim=-1) / EFFORT_TEMPERATURE)
    edge = 1.0 - torch.clamp((distance - EDGE_START) / (CART_LIMIT - EDGE_START), 0.0, 1.0)

    shaped = (
        W_BALANCE_WIDE * balance_wide
        + W_BALANCE_FINE * balance_fine
        + W_CART_VELOCITY * cart_calm
        + W_POSITION * position
        + W_EFFORT * effort
        + W_EDGE * edge
    )
    # The step that ends an episode by failure pays nothing.
    total = alive * (W_ALIVE + shaped)

    return total, {
        "alive": alive,
        "balance_wide": balance_wide,
        "balance_fine": balance_fine,
        "cart_calm": cart_calm,
        "position": position,
        "effort": effort,
        "edge": edge,
        "balance_error": balance_error,
    }
