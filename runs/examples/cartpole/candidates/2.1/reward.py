import math
import torch

CART_LIMIT = 3.0
ANGLE_LIMIT = math.pi / 2
OMEGA = math.sqrt(1.5 * 9.81 / 1.0)   # 1/s, rate at which a 1 m pole falls

LEAN_PER_METRE = 0.1                  # rad per m of cart error
CART_TIME = 1.5                       # s, weight of the cart's velocity in that error
LEAN_MAX = 0.25                       # rad, greatest lean asked for

BALANCE_WIDE_TEMPERATURE = 1.2        # rad, gives direction in random play
BALANCE_FINE_TEMPERATURE = 0.25       # rad, sharpens the balance
POLE_VELOCITY_TEMPERATURE = 4.0       # rad/s
POSITION_TEMPERATURE = 1.0            # m
CART_VELOCITY_TEMPERATURE = 3.0       # m/s
EFFORT_TEMPERATURE = 0.3              # of the squared action

W_ALIVE = 1.0
W_BALANCE_WIDE = 1.0
W_BALANCE_FINE = 0.5
W_POLE_VELOCITY = 0.3
W_POSITION = 0.3
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

    # Lean towards the middle that brings the cart back, limited smoothly.
    cart_error = cart_position + CART_TIME * cart_velocity
    lean = LEAN_MAX * torch.tanh(LEAN_PER_METRE * cart_error / LEAN_MAX)

    # Unstable mode of the pole, measured from that lean.
    balance_error = torch.abs(pole_angle + pole_velocity / OMEGA - lean)
    balance_wide = torch.exp(-balance_error / BALANCE_WIDE_TEMPERATURE)
    balance_fine = torch.exp(-balance_error / BALANCE_FINE_TEMPERATURE)

    pole_calm = torch.exp(-torch.abs(pole_velocity) / POLE_VELOCITY_TEMPERATURE)
    position = torch.exp(-torch.abs(cart_position) / POSITION_TEMPERATURE)
    cart_calm = torch.exp(-torch.abs(cart_velocity) / CART_VELOCITY_TEMPERATURE)
    effort = torch.exp(-torch.sum(action * action, dim=-1) / EFFORT_TEMPERATURE)

    shaped = (
        W_BALANCE_WIDE * balance_wide
        + W_BALANCE_FINE * balance_fine
        + W_POLE_VELOCITY * pole_calm
        + W_POSITION * position
        + W_CART_VELOCITY * cart_calm
        + W_EFFORT * effort
    )
    # The step that ends an episode by failure pays nothing.
    total = alive * (W_ALIVE + shaped)

    return total, {
        "alive": alive,
        "balance_wide": balance_wide,
        "balance_fine": balance_fine,
        "pole_calm": pole_calm,
        "position": position,
        "cart_calm": cart_calm,
        "effort": effort,
        "balance_error": balance_error,
        "abs_angle": torch.abs(pole_angle),
    }
