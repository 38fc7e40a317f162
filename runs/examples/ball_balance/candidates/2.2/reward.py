import math
import torch

GRAVITY = 9.81
TRAY_RADIUS = 0.5
REST_GAP = 0.11            # centre of the lying ball above the tray's centre, m

RETURN_RATE = 1.3          # 1/s, wanted speed towards the middle per offset
ROLL_SPEED_SCALE = 1.55    # m/s, 1 / (tilt per speed) for a rolling ball
FLIGHT_BLEND = 0.03        # m, height over which the ball counts as flying
TILT_LIMIT = 0.40

LOOKAHEAD = 0.3            # s
TILT_NEAR_TEMPERATURE = 0.15
TILT_FAR_TEMPERATURE = 0.50
CAPTURE_NEAR_TEMPERATURE = 0.20   # m
CAPTURE_FAR_TEMPERATURE = 0.80    # m
SLOW_TEMPERATURE = 0.9     # m/s
KNEE_TEMPERATURE = 0.5     # rad


def _norm(x: torch.Tensor) -> torch.Tensor:
    return torch.sqrt((x ** 2).sum(dim=-1) + 1e-8)


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

    # Flight: when, where and how fast the ball meets the tray (all 0 when it lies on it).
    height = torch.clamp(gap - REST_GAP - 0.01, 0.0, 2.0)
    flying = torch.clamp(height / FLIGHT_BLEND, 0.0, 1.0)
    impact = torch.sqrt(vel_z ** 2 + 2.0 * GRAVITY * height + 1e-8)
    time_to_tray = flying * torch.clamp((vel_z + impact) / GRAVITY, 0.0, 0.4)
    impact = flying * impact
    landing_xy = rel_xy + vel_xy * time_to_tray.unsqueeze(-1)
    landing_offset = _norm(landing_xy)

    # The ball is above the tray's plane and within the rim.
    held = torch.sigmoid((gap - 0.03) / 0.015)
    inside = torch.sigmoid((TRAY_RADIUS + 0.03 - offset) / 0.05)

    # Wanted tilt: facing the incoming ball, later braking it and leading it inwards.
    gain = 1.0 / torch.sqrt(ROLL_SPEED_SCALE ** 2 + impact ** 2)
    want = -gain.unsqueeze(-1) * (vel_xy + RETURN_RATE * landing_xy)
    want_size = _norm(want)
    want = want * (torch.clamp(want_size, max=TILT_LIMIT) / want_size).unsqueeze(-1)
    tilt_error = _norm(tray_normal[:, :2] - want)
    tilt = (0.4 * torch.exp(-tilt_error / TILT_NEAR_TEMPERATURE)
            + 0.6 * torch.exp(-tilt_error / TILT_FAR_TEMPERATURE))

    # Where the ball will be shortly, if nothing changes.
    capture_error = _norm(rel_xy + LOOKAHEAD * vel_xy) + 0.3 * offset
    capture = (0.5 * torch.exp(-capture_error / CAPTURE_NEAR_TEMPERATURE)
               + 0.5 * torch.exp(-capture_error / CAPTURE_FAR_TEMPERATURE))
    slow = torch.exp(-speed_xy / SLOW_TEMPERATURE)

    # Mean knee angle away from the limits, so that every tilt stays possible.
    mean_knee = knee_angle.mean(dim=-1).abs()
    knees_ready = torch.exp(-mean_knee / KNEE_TEMPERATURE)

    effort = (action ** 2).mean(dim=-1)

    on_tray = held * inside
    total = (0.3 * held
             + on_tray * (0.7
                          + 3.0 * tilt
                          + 1.8 * capture
                          + 0.7 * slow
                          + 0.5 * knees_ready
                          - 0.1 * effort))

    return total, {
        "on_tray": on_tray,
        "tilt": tilt,
        "tilt_error": tilt_error,
        "want_size": want_size,
        "capture": capture,
        "capture_error": capture_error,
        "slow": slow,
        "landing_offset": landing_offset,
        "offset": offset,
        "speed_xy": speed_xy,
        "knees_ready": knees_ready,
        "mean_knee": mean_knee,
        "effort": effort,
    }
