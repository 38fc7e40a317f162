import math
import torch

GRAVITY = 9.81
TRAY_RADIUS = 0.5
REST_GAP = 0.11            # centre of the lying ball above the tray's centre, m

TILT_PER_OFFSET = 0.8      # 1/m
TILT_PER_SPEED = 0.65      # s/m
TILT_LIMIT = 0.42

LOOKAHEAD = 0.3            # s
TILT_NEAR_TEMPERATURE = 0.12
TILT_FAR_TEMPERATURE = 0.40
CAPTURE_NEAR_TEMPERATURE = 0.15   # m
CAPTURE_FAR_TEMPERATURE = 0.50    # m
KNEE_TEMPERATURE = 0.6     # rad


def _norm(x: torch.Tensor) -> torch.Tensor:
    return torch.sqrt((x ** 2).sum(dim=-1) + 1e-8)


def compute_reward(ball_position: torch.Tensor, ball_velocity: torch.Tensor,
                   tray_position: torch.Tensor, tray_normal: torch.Tensor,
                   knee_angle: torch.Tensor, action: torch.Tensor,
                   last_action: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    rel = ball_position - tray_position
    rel_xy = rel[:, :2]
    vel_xy = ball_velocity[:, :2]
    vel_z = ball_velocity[:, 2]
    gap = (rel * tray_normal).sum(dim=-1)
    offset = _norm(rel_xy)
    speed_xy = _norm(vel_xy)

    # Time until the ball meets the tray (0 when it lies on it), and where.
    height = torch.clamp(gap - REST_GAP - 0.01, 0.0, 2.0)
    time_to_tray = (vel_z + torch.sqrt(vel_z ** 2 + 2.0 * GRAVITY * height)) / GRAVITY
    time_to_tray = torch.where(height > 0.0, time_to_tray, torch.zeros_like(time_to_tray))
    time_to_tray = torch.clamp(time_to_tray, 0.0, 0.4)
    landing_xy = rel_xy + vel_xy * time_to_tray.unsqueeze(-1)
    landing_offset = _norm(landing_xy)

    # On the tray's side of its plane: 1; dropped below it: 0.
    held = torch.sigmoid((gap - 0.03) / 0.015)
    # Off the rim sideways the constant fades too.
    inside = torch.sigmoid((TRAY_RADIUS + 0.03 - offset) / 0.05)

    # Tilt that brakes the ball and leads it to the middle.
    want = -(TILT_PER_OFFSET * landing_xy + TILT_PER_SPEED * vel_xy)
    want_size = _norm(want).unsqueeze(-1)
    want = want / want_size * torch.clamp(want_size, max=TILT_LIMIT)
    tilt_error = _norm(tray_normal[:, :2] - want)
    tilt = (0.5 * torch.exp(-tilt_error / TILT_NEAR_TEMPERATURE)
            + 0.5 * torch.exp(-tilt_error / TILT_FAR_TEMPERATURE))

    # Where the ball will be shortly, if nothing changes: small when it is captured.
    capture_error = _norm(rel_xy + LOOKAHEAD * vel_xy) + 0.3 * offset
    capture = (0.5 * torch.exp(-capture_error / CAPTURE_NEAR_TEMPERATURE)
               + 0.5 * torch.exp(-capture_error / CAPTURE_FAR_TEMPERATURE))

    # Legs away from their limits, so that every tilt stays possible.
    knees_ready = torch.exp(-(knee_angle.mean(dim=-1) / KNEE_TEMPERATURE) ** 2)

    effort = (action ** 2).mean(dim=-1)
    jerk = ((action - last_action) ** 2).mean(dim=-1)

    total = held * (0.4
                    + 1.0 * inside
                    + 1.6 * tilt
                    + 2.0 * capture
                    + 0.3 * knees_ready
                    - 0.12 * effort
                    - 0.03 * jerk)

    return total, {
        "held": held,
        "inside": inside,
        "tilt": tilt,
        "tilt_error": tilt_error,
        "capture": capture,
        "capture_error": capture_error,
        "landing_offset": landing_offset,
        "offset": offset,
        "speed_xy": speed_xy,
        "knees_ready": knees_ready,
        "effort": effort,
        "jerk": jerk,
    }
