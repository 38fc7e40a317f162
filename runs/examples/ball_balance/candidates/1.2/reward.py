# Rolling solid ball: horizontal acceleration is about 5/7 * g * horizontal part of the normal.
ROLL_GAIN = 7.0        # m/s^2 per unit of horizontal normal
KP = 5.0               # 1/s^2, desired restoring acceleration per metre of offset
KD = 4.0               # 1/s, desired braking acceleration per m/s
MAX_TILT = 0.40        # bound of the desired horizontal part of the normal

EDGE_SOFTNESS = 0.05   # m
TEMP_WIDE = 0.35       # m, centring, wide
TEMP_NEAR = 0.12       # m, centring, narrow
TEMP_TILT = 0.25       # error of the horizontal normal
TEMP_SPEED = 0.80      # m/s

TRAY_RADIUS = 0.5
KNEE_MID = 0.15
KNEE_FREE = 0.70


def compute_reward(
    ball_position: torch.Tensor,
    ball_velocity: torch.Tensor,
    tray_position: torch.Tensor,
    tray_normal: torch.Tensor,
    knee_angle: torch.Tensor,
    knee_velocity: torch.Tensor,
    action: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    # Ball relative to the tray: height above its plane and offset in its plane
    rel = ball_position - tray_position
    height = (rel * tray_normal).sum(dim=-1)
    in_plane = rel - height.unsqueeze(-1) * tray_normal
    offset = torch.sqrt((in_plane ** 2).sum(dim=-1) + 1e-8)
    speed = torch.sqrt((ball_velocity ** 2).sum(dim=-1) + 1e-8)

    # Still above the tray: soft at the rim, and above the tray's plane
    inside = torch.sigmoid((TRAY_RADIUS - offset) / EDGE_SOFTNESS)
    above = torch.sigmoid((height - 0.03) / 0.015)
    on_tray = inside * above

    # Centring
    wide = torch.exp(-((offset / TEMP_WIDE) ** 2))
    near = torch.exp(-offset / TEMP_NEAR)

    # Slow ball (in all three directions: no rolling, no bouncing)
    slow = torch.exp(-speed / TEMP_SPEED)

    # Tilt that a PD law would ask for
    wanted = -(KP * in_plane[:, :2] + KD * ball_velocity[:, :2]) / ROLL_GAIN
    wanted_size = torch.sqrt((wanted ** 2).sum(dim=-1, keepdim=True) + 1e-8)
    wanted = wanted * torch.clamp(MAX_TILT / wanted_size, max=1.0)
    tilt_error = torch.sqrt(((tray_normal[:, :2] - wanted) ** 2).sum(dim=-1) + 1e-8)
    tilt = torch.exp(-tilt_error / TEMP_TILT)

    # Small regularisers: knees in their working range, no wild motion
    knee_excess = (torch.clamp((knee_angle - KNEE_MID).abs() - KNEE_FREE, min=0.0) ** 2).mean(dim=-1)
    knee_excess = torch.clamp(knee_excess, max=1.0)
    knee_rush = torch.clamp((knee_velocity ** 2).mean(dim=-1) / 100.0, max=1.0)
    effort = (action ** 2).mean(dim=-1)

    r_alive = 0.2 * torch.ones_like(offset)
    r_on = 0.8 * on_tray
    r_wide = 0.8 * on_tray * wide
    r_near = 0.4 * on_tray * near
    r_tilt = 0.9 * on_tray * tilt
    r_slow = 0.5 * on_tray * wide * slow
    # the penalties count only while the ball is on the tray, and stay below what is earned there
    r_calm = -on_tray * (0.20 * knee_excess + 0.08 * knee_rush + 0.04 * effort)

    total = r_alive + r_on + r_wide + r_near + r_tilt + r_slow + r_calm

    return total, {
        "on_tray": r_on,
        "center_wide": r_wide,
        "center_near": r_near,
        "tilt_match": r_tilt,
        "slow_ball": r_slow,
        "calm": r_calm,
        "offset_m": offset,
        "tilt_error": tilt_error,
        "ball_speed": speed,
    }
