import math
import torch

GRAVITY = 9.81
ROLL_GAIN = 5.0 / 7.0 * 9.81   # acceleration of a rolling ball per slope, m/s^2
TRAY_RADIUS = 0.5
REST_GAP = 0.11                # centre of the lying ball above the tray's centre, m

BOUNCE = 0.2                   # assumed restitution
ROLL_TIME = 0.45               # s, how far the roll is predicted
SPEED_WEIGHT = 0.25            # s, metres of error per m/s of predicted speed

OUTCOME_NEAR_TEMPERATURE = 0.20   # m
OUTCOME_FAR_TEMPERATURE = 0.70    # m
OUTCOME_LINEAR_RANGE = 2.5        # m
CENTRE_TEMPERATURE = 0.25         # m
SLOW_TEMPERATURE = 0.7            # m/s
STEEP_FREE = 0.40                 # free horizontal part of the normal
KNEE_MEAN_TEMPERATURE = 0.4       # rad


def _norm(x: torch.Tensor) -> torch.Tensor:
    return torch.sqrt((x ** 2).sum(dim=-1) + 1e-8)


def compute_reward(ball_position: torch.Tensor, ball_velocity: torch.Tensor,
                   tray_position: torch.Tensor, tray_normal: torch.Tensor,
                   knee_angle: torch.Tensor,
                   action: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    rel = ball_position - tray_position
    rel_xy = rel[:, :2]
    vel_xy = ball_velocity[:, :2]
    normal_xy = tray_normal[:, :2]
    normal_z = torch.clamp(tray_normal[:, 2], min=0.3)
    gap = (rel * tray_normal).sum(dim=-1)
    offset = _norm(rel_xy)
    speed_xy = _norm(vel_xy)

    # Flight to the tray's plane as it is now (no time where the ball lies on it).
    height = torch.clamp(gap - REST_GAP - 0.02, 0.0, 2.5)
    vel_n = (ball_velocity * tray_normal).sum(dim=-1)
    g_n = GRAVITY * normal_z
    flight = (vel_n + torch.sqrt(vel_n ** 2 + 2.0 * g_n * height + 1e-8)) / g_n
    flight = torch.where(height > 0.0, flight, torch.zeros_like(flight))
    flight = torch.clamp(flight, 0.0, 0.5)
    landing_xy = rel_xy + vel_xy * flight.unsqueeze(-1)
    landing_offset = _norm(landing_xy)

    # Impact: the tray takes the velocity along its normal, and returns a little of it.
    impact_z = ball_velocity[:, 2] - GRAVITY * flight
    approach = (vel_xy * normal_xy).sum(dim=-1) + impact_z * tray_normal[:, 2]
    approach = torch.relu(-approach)
    after_xy = vel_xy + ((1.0 + BOUNCE) * approach).unsqueeze(-1) * normal_xy

    # Roll under the present slope.
    roll_xy = ROLL_GAIN * normal_xy
    later_xy = landing_xy + ROLL_TIME * after_xy + 0.5 * ROLL_TIME ** 2 * roll_xy
    later_vel = after_xy + 0.5 * ROLL_TIME * roll_xy
    later_offset = _norm(later_xy)
    later_speed = _norm(later_vel)
    outcome_error = torch.sqrt(later_offset ** 2 + (SPEED_WEIGHT * later_speed) ** 2 + 1e-8)
    outcome_near = torch.exp(-outcome_error / OUTCOME_NEAR_TEMPERATURE)
    outcome_far = torch.exp(-outcome_error / OUTCOME_FAR_TEMPERATURE)
    outcome_linear = torch.clamp(1.0 - outcome_error / OUTCOME_LINEAR_RANGE, min=0.0)
    outcome = 0.35 * outcome_near + 0.40 * outcome_far + 0.25 * outcome_linear

    # Still above the tray's plane, and within its rim.
    held = torch.sigmoid((gap - 0.03) / 0.015)
    inside = torch.sigmoid((TRAY_RADIUS + 0.03 - offset) / 0.05)

    # What has been reached.
    centre = torch.exp(-offset / CENTRE_TEMPERATURE)
    slow = torch.exp(-speed_xy / SLOW_TEMPERATURE)

    # Legs near their middle height, tray not too steep to be levelled in time.
    knee_mean = knee_angle.mean(dim=-1).abs()
    knees_ready = torch.exp(-knee_mean / KNEE_MEAN_TEMPERATURE)
    steep = torch.relu(_norm(normal_xy) - STEEP_FREE)

    effort = (action ** 2).mean(dim=-1)

    total = held * (0.5
                    + inside * (1.0
                                + 4.0 * outcome
                                + 0.8 * centre
                                + 0.8 * slow
                                + 0.6 * knees_ready)
                    - 1.0 * steep
                    - 0.1 * effort)

    return total, {
        "held": held,
        "inside": inside,
        "outcome": outcome,
        "outcome_near": outcome_near,
        "outcome_error": outcome_error,
        "later_offset": later_offset,
        "later_speed": later_speed,
        "centre": centre,
        "slow": slow,
        "landing_offset": landing_offset,
        "offset": offset,
        "speed_xy": speed_xy,
        "knees_ready": knees_ready,
        "steep": steep,
        "effort": effort,
    }
