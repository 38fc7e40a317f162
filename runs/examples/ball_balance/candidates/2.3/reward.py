def compute_reward(
    ball_position: torch.Tensor,
    ball_velocity: torch.Tensor,
    tray_normal: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    position_gain = 1.5
    velocity_gain = 0.6
    largest_slope = 0.3
    slope_temperature = 0.2
    speed_scale = 1.0  # m/s, where the term has fallen to a half

    velocity = ball_velocity[:, :2]
    wanted = -(position_gain * ball_position[:, :2] + velocity_gain * velocity)
    size = torch.sqrt(torch.sum(wanted**2, dim=-1, keepdim=True) + 1e-6)
    wanted = wanted * torch.clamp(largest_slope / size, max=1.0)
    slope_error = torch.sqrt(torch.sum((tray_normal[:, :2] - wanted) ** 2, dim=-1) + 1e-6)
    slope = torch.exp(-slope_error / slope_temperature)

    slow = 1.0 / (1.0 + torch.sqrt(torch.sum(velocity**2, dim=-1) + 1e-6) / speed_scale)

    total = slope * (0.67 + 0.33 * slow)
    return total, {"slope": slope, "slow": slow, "slope_error": slope_error}
