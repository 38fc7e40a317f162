GRAVITY = 9.81
TRAY_RADIUS = 0.5
REST_HEIGHT = 0.11      # m, ball's centre above the tray's centre when it lies on it

LOOK_AHEAD = 0.50       # s, weight of the velocity in the heading
TILT_GAIN = 0.80        # wanted horizontal normal per metre of heading
TILT_MAX = 0.35

TEMP_POSITION = 0.25    # m
TEMP_HEADING = 0.50     # m
TEMP_TILT = 0.22        # of the horizontal normal
TEMP_BOUNCE = 1.0       # m/s


def _norm(x: torch.Tensor) -> torch.Tensor:
    return torch.sqrt((x ** 2).sum(dim=-1) + 1e-8)


def compute_reward(
    ball_position: torch.Tensor,
    ball_velocity: torch.Tensor,
    tray_position: torch.Tensor,
    tray_normal: torch.Tensor,
    knee_angle: torch.Tensor,
    action: torch.Tensor,
    last_action: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    rel = ball_position - tray_position
    height = (rel * tray_normal).sum(dim=-1)
    in_plane = rel - height.unsqueeze(-1) * tray_normal
    distance = _norm(in_plane)
    v_xy = ball_velocity[:, :2]
    v_z = ball_velocity[:, 2]

    # 1 while the ball is above the tray, falling to 0 as it passes the rim or the tray's plane
    inside = torch.clamp((TRAY_RADIUS + 0.05 - distance) / 0.15, 0.0, 1.0)
    above = torch.clamp((height - 0.02) / 0.04, 0.0, 1.0)
    on_tray = inside * above

    # Where the ball comes down (the present place if it lies on the tray)
    gap = torch.clamp(height - REST_HEIGHT - 0.01, min=0.0)
    v_up = torch.where(gap > 0.0, v_z, torch.zeros_like(v_z))
    flight_time = (v_up + torch.sqrt(v_up ** 2 + 2.0 * GRAVITY * gap)) / GRAVITY
    flight_time = torch.clamp(flight_time, min=0.0, max=0.5)
    landing = in_plane[:, :2] + v_xy * flight_time.unsqueeze(-1)

    # Where it is heading once on the tray
    heading = landing + LOOK_AHEAD * v_xy
    heading_size = _norm(heading)

    # The ball rolls towards the horizontal part of the normal: tilt against the heading
    wanted_size = torch.clamp(TILT_GAIN * heading_size, max=TILT_MAX)
    wanted = -heading * (wanted_size / heading_size).unsqueeze(-1)
    tilt_error = _norm(tray_normal[:, :2] - wanted)

    position_term = torch.exp(-distance / TEMP_POSITION)
    heading_term = torch.exp(-heading_size / TEMP_HEADING)
    tilt_term = torch.exp(-tilt_error / TEMP_TILT)
    bounce_term = torch.exp(-v_z.abs() / TEMP_BOUNCE)

    # Knees kept off their limits, where the tray can no longer be tilted
    knee_out = torch.clamp(knee_angle - 1.0, min=0.0) + torch.clamp(-0.7 - knee_angle, min=0.0)
    knee_cost = torch.clamp(knee_out.mean(dim=-1), max=1.0)
    jerk_cost = ((action - last_action) ** 2).mean(dim=-1) / 4.0

    alive = 0.3 * torch.ones_like(distance)
    stay = 1.0 * on_tray
    center = 0.8 * on_tray * position_term
    head = 0.8 * on_tray * heading_term
    tilt = 0.8 * on_tray * tilt_term
    bounce = 0.2 * on_tray * bounce_term
    cost = -on_tray * (0.3 * knee_cost + 0.1 * jerk_cost)

    total = alive + stay + center + head + tilt + bounce + cost

    return total, {
        "stay": stay,
        "center": center,
        "head": head,
        "tilt": tilt,
        "bounce": bounce,
        "cost": cost,
        "distance_m": distance,
        "heading_m": heading_size,
        "tilt_error": tilt_error,
    }
