def compute_reward(
    ball_position: torch.Tensor,
    ball_velocity: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    center_temperature = 0.03  # m^2
    speed_temperature = 0.25  # m^2/s^2
    height_temperature = 0.1  # m
    resting_height = 0.669

    center = torch.exp(-torch.sum(ball_position[:, :2] ** 2, dim=-1) / center_temperature)
    slow = torch.exp(-torch.sum(ball_velocity[:, :2] ** 2, dim=-1) / speed_temperature)
    resting = 2.0 * center * slow
    on_tray = 0.25 * torch.exp(-torch.abs(ball_position[:, 2] - resting_height) / height_temperature)

    total = resting + on_tray
    return total, {"resting": resting, "on_tray": on_tray, "center": center, "slow": slow}
