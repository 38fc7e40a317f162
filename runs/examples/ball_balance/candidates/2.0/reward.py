def compute_reward(
    ball_position: torch.Tensor,
    ball_velocity: torch.Tensor,
    tray_normal: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    position_gain = 2.0  # lean per m
    velocity_gain = 0.6  # lean per m/s
    largest_lean = 0.25
    lean_temperature = 0.15

    # The tray's normal has to point from the ball back to the middle, and against its motion.
    wanted = -(position_gain * ball_position[:, :2] + velocity_gain * ball_velocity[:, :2])
    size = torch.sqrt(torch.sum(wanted**2, dim=-1, keepdim=True) + 1e-6)
    wanted = wanted * torch.clamp(largest_lean / size, max=1.0)

    lean_error = torch.sqrt(torch.sum((tray_normal[:, :2] - wanted) ** 2, dim=-1) + 1e-6)
    lean = torch.exp(-lean_error / lean_temperature)

    return lean, {"lean": lean, "lean_error": lean_error}
