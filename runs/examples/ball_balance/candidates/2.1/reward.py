def compute_reward(
    ball_position: torch.Tensor,
    ball_velocity: torch.Tensor,
    tray_normal: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    position_gain = 1.0  # lean per m
    velocity_gain = 0.4  # lean per m/s
    largest_lean = 0.35
    lean_temperature = 0.2
    center_scale = 0.25  # m, where the term has fallen to a half

    position = ball_position[:, :2]
    wanted = -(position_gain * position + velocity_gain * ball_velocity[:, :2])
    size = torch.sqrt(torch.sum(wanted**2, dim=-1, keepdim=True) + 1e-6)
    wanted = wanted * torch.clamp(largest_lean / size, max=1.0)
    lean_error = torch.sqrt(torch.sum((tray_normal[:, :2] - wanted) ** 2, dim=-1) + 1e-6)
    lean = torch.exp(-lean_error / lean_temperature)

    center = 1.0 / (1.0 + torch.sqrt(torch.sum(position**2, dim=-1) + 1e-6) / center_scale)

    total = lean * center
    return total, {"lean": lean, "center": center, "lean_error": lean_error}
