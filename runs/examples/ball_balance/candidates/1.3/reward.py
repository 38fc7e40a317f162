def compute_reward(
    ball_position: torch.Tensor,
    ball_velocity: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    look_ahead = 0.35  # s
    ahead_temperature = 0.4  # m

    position = ball_position[:, :2]
    velocity = ball_velocity[:, :2]
    distance = torch.sqrt(torch.sum(position**2, dim=-1) + 1e-6)
    center = 1.0 / (1.0 + 4.0 * distance)
    miss = torch.sqrt(torch.sum((position + look_ahead * velocity) ** 2, dim=-1) + 1e-6)
    ahead = torch.exp(-miss / ahead_temperature)

    total = center + ahead
    return total, {"center": center, "ahead": ahead}
