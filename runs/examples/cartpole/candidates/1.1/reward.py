import math
import torch

CART_LIMIT = 3.0
ANGLE_LIMIT = math.pi / 2
OMEGA = math.sqrt(1.5 * 9.81 / 1.0)   # 1/s, rate at which a 1 m pole falls
CART_LOOKAHEAD = 0.3                  # s

FALL_TEMPERATURE = 0.6                # rad, of the unstable mode
ANGLE_TEMPERATURE = 0.3               # rad
DRIFT_TEMPERATURE = 1.0               # m, of the position to come
SPEED_TEMPERATURE = 2.0               # m/s

W_ALIVE = 1.0
W_FALL = 1.0
W_ANGLE = 0.5
W_DRIFT = 0.8
W_SPEED = 0.3
W_EFFORT = 0.3
FAILURE_COST = 5.0


def _heavy(error: torch.Tensor, temperature: float) -> torch.Tensor:
    # 1 at no error, 1/2 at the temperature, and a slope that never quite vanishes
    return 1.0 / (1.0 + torch.abs(error) / temperature)


def compute_reward(
    cart_position: torch.Tensor,
    cart_velocity: torch.Tensor,
    pole_angle: torch.Tensor,
    pole_velocity: torch.Tensor,
    action: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    fall_mode = pole_angle + pole_velocity / OMEGA
    position_ahead = cart_position + CART_LOOKAHEAD * cart_velocity

    falling = _heavy(fall_mode, FALL_TEMPERATURE)
    upright = torch.exp(-torch.square(pole_angle / ANGLE_TEMPERATURE))
    centred = _heavy(position_ahead, DRIFT_TEMPERATURE)
    slow = _heavy(cart_velocity, SPEED_TEMPERATURE)
    effort = 1.0 - torch.clamp(torch.sum(action * action, dim=-1), max=1.0)

    failed = (torch.abs(cart_position) > CART_LIMIT) | (torch.abs(pole_angle) > ANGLE_LIMIT)
    failure = torch.where(failed, torch.ones_like(pole_angle), torch.zeros_like(pole_angle))

    total = (
        W_ALIVE
        + W_FALL * falling
        + W_ANGLE * upright
        + W_DRIFT * centred
        + W_SPEED * slow
        + W_EFFORT * effort
        - FAILURE_COST * failure
    )

    return total, {
        "falling": falling,
        "upright": upright,
        "centred": centred,
        "slow": slow,
        "effort": effort,
        "failure": failure,
        "abs_angle": torch.abs(pole_angle),
        "abs_position": torch.abs(cart_position),
    }
