import math
import torch

GRAVITY = 9.81
TRAY_RADIUS = 0.5
REST_GAP = 0.11            # centre of the lying ball above the tray's centre, m

# In flight: normal against the velocity at the impact.
IMPACT_SHARE = 0.75        # below 1 for some bounce and friction
IMPACT_PER_OFFSET = 0.4    # 1/m
# On the tray: damped push to the middle.
ROLL_PER_OFFSET = 0.9      # 1/m
ROLL_PER_SPEED = 0.65      # s/m
TILT_LIMIT = 0.42

TILT_TEMPERATURE = 0.15
TILT_LINEAR_RANGE = 1.0
LOOKAHEAD = 0.25           # s
CAPTURE_NEAR_TEMPERATURE = 0.20   # m
CAPTURE_FAR_TEMPERATURE = 0.60    # m
SLOW_TEMPERATURE = 0.7     # m/s
KNEE_MEAN_TEMPERATURE = 0.4       # rad
KNEE_MIDDLE = 0.17         # rad, middle of the knee's range
KNEE_FREE = 1.0            # rad, free on either side of the middle


def _norm(x: torch.Tensor) -> torch.Tensor:
    return torch.sqrt((x ** 2).sum(dim=-1) + 1e-8)


def _limit(x: torch.Tensor, largest: float) -> torch.Tensor:
    size = _norm(x).unsqueeze(-1)
    return x / size * torch.clamp(size, max=largest)


def compute_reward(ball_position: torch.Tensor, ball_velocity: torch.Tensor,
                   tray_position: torch.Tensor, tray_normal: torch.Tensor,
                   knee_angle: torch.Tensor,
                   action: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    rel = ball_position - tray_position
    rel_xy = rel[:, :2]
    vel_xy = ball_velocity[:, :2]
    vel_z = ball_velocity[:, 2]
    gap = (rel * tray_normal).sum(dim=-1)
    offset = _norm(rel_xy)
    speed_xy = _norm(vel_xy)

    # Flight: when, where and how fast the ball meets the tray.
    height = torch.clamp(gap - REST_GAP, 0.0, 2.5)
    impact_z = torch.sqrt(vel_z ** 2 + 2.0 * GRAVITY * height + 1e-6)
    time_to_tray = torch.clamp((vel_z + impact_z) / GRAVITY, 0.0, 0.5)
    flying = torch.sigmoid((height - 0.05) / 0.01)
    landing_xy = rel_xy + vel_xy * (time_to_tray * flying).unsqueeze(-1)
    landing_offset = _norm(landing_xy)

    # Still above the tray's plane, and within its rim.
    held = torch.sigmoid((gap - 0.03) / 0.015)
    inside = torch.sigmoid((TRAY_RADIUS + 0.03 - offset) / 0.05)

    # The tilt that is wanted (horizontal part of the normal).
    impact_speed = torch.sqrt(speed_xy ** 2 + impact_z ** 2 + 1e-6)
    want_flight = _limit(-IMPACT_SHARE * vel_xy / impact_speed.unsqueeze(-1)
                         - IMPACT_PER_OFFSET * landing_xy, TILT_LIMIT)
    want_roll = _limit(-(ROLL_PER_OFFSET * rel_xy + ROLL_PER_SPEED * vel_xy), TILT_LIMIT)
    f = flying.unsqueeze(-1)
    want = f * want_flight + (1.0 - f) * want_roll
    tilt_error = _norm(tray_normal[:, :2] - want)
    tilt_fine = torch.exp(-tilt_error / TILT_TEMPERATURE)
    tilt_linear = torch.clamp(1.0 - tilt_error / TILT_LINEAR_RANGE, min=0.0)
    tilt = 0.45 * tilt_fine + 0.55 * tilt_linear

    # Captured: near the middle and not leaving it.
    capture_error = _norm(rel_xy + LOOKAHEAD * vel_xy) + 0.3 * offset
    capture = (0.5 * torch.exp(-capture_error / CAPTURE_NEAR_TEMPERATURE)
               + 0.5 * torch.exp(-capture_error / CAPTURE_FAR_TEMPERATURE))
    slow = torch.exp(-speed_xy / SLOW_TEMPERATURE)

    # Legs ready: mean height kept, no knee near its limits.
    knee_mean = knee_angle.mean(dim=-1).abs()
    knees_ready = torch.exp(-knee_mean / KNEE_MEAN_TEMPERATURE)
    knee_excess = torch.relu((knee_angle - KNEE_MIDDLE).abs() - KNEE_FREE).mean(dim=-1)

    effort = (action ** 2).mean(dim=-1)

    total = held * (0.5
                    + inside * (0.8
                                + 4.0 * tilt
                                + 2.0 * capture
                                + 0.8 * slow
                                + 0.6 * knees_ready)
                    - 0.6 * knee_excess
                    - 0.1 * effort)

    return total, {
        "held": held,
        "inside": inside,
        "tilt": tilt,
        "tilt_fine": tilt_fine,
        "tilt_error": tilt_error,
        "flying": flying,
        "capture": capture,
        "slow": slow,
        "landing_offset": landing_offset,
        "offset": offset,
        "speed_xy": speed_xy,
        "knees_ready": knees_ready,
        "knee_excess": knee_excess,
        "effort": effort,
    }
