import math
import torch

GRAVITY = 9.81
TRAY_RADIUS = 0.5

# Tilt law: a rolling ball accelerates by about 5/7 * g * normal_xy = 7 * normal_xy.
# 0.9 and 0.7 give a natural frequency of 2.5 rad/s, about critically damped.
TILT_PER_OFFSET = 0.9      # 1/m
TILT_PER_SPEED = 0.7       # s/m
TILT_LIMIT = 0.40          # largest wanted horizontal part of the normal

TILT_TEMPERATURE = 0.22
OFFSET_TEMPERATURE = 0.25  # m
SPEED_TEMPERATURE = 0.8    # m/s
LIFT_TEMPERATURE = 0.5     # rad, mean knee angle away from the middle


def compute_reward(ball_position: torch.Tensor, ball_velocity: torch.Tensor,
                   tray_position: torch.Tensor, tray_normal: torch.Tensor,
                   knee_angle: torch.Tensor, knee_velocity: torch.Tensor,
                   action: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    rel = ball_position - tray_position
    offset_xy = rel[:, :2]
    vel_xy = ball_velocity[:, :2]
    offset = torch.sqrt((offset_xy ** 2).sum(dim=-1) + 1e-8)
    speed_xy = torch.sqrt((vel_xy ** 2).sum(dim=-1) + 1e-8)

    # Is the ball still above the plane of the tray? (0.11 m when it lies on it)
    gap = (rel * tray_normal).sum(dim=-1)
    above = torch.sigmoid((gap - 0.03) / 0.015)

    # Wanted tilt: against the offset and the velocity, softly limited.
    want = -(TILT_PER_OFFSET * offset_xy + TILT_PER_SPEED * vel_xy)
    want_size = torch.sqrt((want ** 2).sum(dim=-1, keepdim=True) + 1e-8)
    want = want / want_size * TILT_LIMIT * torch.tanh(want_size / TILT_LIMIT)
    tilt_error = torch.sqrt(((tray_normal[:, :2] - want) ** 2).sum(dim=-1) + 1e-8)
    tilt = torch.exp(-tilt_error / TILT_TEMPERATURE)

    # Ball in the middle, and slow while it is over the tray.
    centred = torch.exp(-offset / OFFSET_TEMPERATURE)
    over_tray = torch.sigmoid((TRAY_RADIUS - offset) / 0.04)
    slow = over_tray * torch.exp(-speed_xy / SPEED_TEMPERATURE)

    # Keep the legs in the middle of their range: tilt authority on all sides.
    mean_knee = knee_angle.mean(dim=-1)
    ready = torch.exp(-(mean_knee / LIFT_TEMPERATURE) ** 2)

    # The ball must not be flung up (only counts for upward motion).
    fling = torch.clamp(ball_velocity[:, 2] - 0.2, 0.0, 2.0)

    effort = (action ** 2).mean(dim=-1)
    knee_speed = torch.clamp((knee_velocity ** 2).mean(dim=-1) / 36.0, 0.0, 1.0)

    total = above * (1.0
                     + 1.5 * tilt
                     + 1.5 * centred
                     + 0.8 * slow
                     + 0.4 * ready
                     - 0.15 * fling
                     - 0.15 * effort
                     - 0.10 * knee_speed)

    return total, {
        "above": above,
        "tilt": tilt,
        "tilt_error": tilt_error,
        "centred": centred,
        "offset": offset,
        "slow": slow,
        "speed_xy": speed_xy,
        "ready": ready,
        "fling": fling,
        "effort": effort,
        "knee_speed": knee_speed,
    }
