def compute_reward(
    ball_position: torch.Tensor,
    ball_velocity: torch.Tensor,
    tray_normal: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    position_gain = 1.3  # slope per m
    velocity_gain = 0.75  # slope per m/s
    largest_slope = 0.35
    slope_temperature = 0.2

    wanted = -(position_gain * ball_position[:, :2] + velocity_gain * ball_velocity[:, :2])
    size = torch.sqrt(torch.sum(wanted**2, dim=-1, keepdim=True) + 1e-6)
    wanted = wanted * torch.clamp(largest_slope / size, max=1.0)
    slope_error = torch.sqrt(torch.sum((tray_normal[:, :2] - wanted) ** 2, dim=-1) + 1e-6)
    slope = torch.exp(-slope_error / slope_temperature)

    return slope, {"slope": slope, "slope_error": slope_error}
