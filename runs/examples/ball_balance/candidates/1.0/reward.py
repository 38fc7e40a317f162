def compute_reward(
    ball_position: torch.Tensor,
    ball_velocity: torch.Tensor,
    tray_normal: torch.Tensor,
    action: torch.Tensor,
    last_action: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    center_temperature = 0.1  # m^2
    speed_temperature = 1.0  # m^2/s^2
    level_temperature = 0.05

    center = torch.exp(-torch.sum(ball_position[:, :2] ** 2, dim=-1) / center_temperature)
    slow = 0.5 * torch.exp(-torch.sum(ball_velocity**2, dim=-1) / speed_temperature)
    level = 0.3 * torch.exp(-(1.0 - tray_normal[:, 2]) / level_temperature)
    alive = torch.full_like(center, 0.5)
    smooth = -0.02 * torch.sum((action - last_action) ** 2, dim=-1)

    total = center + slow + level + alive + smooth
    return total, {"center": center, "slow": slow, "level": level, "alive": alive, "smooth": smooth}
