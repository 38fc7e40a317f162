def compute_reward(
    ball_position: torch.Tensor,
    ball_velocity: torch.Tensor,
    knee_velocity: torch.Tensor,
    action: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    alive = torch.ones_like(ball_position[:, 0])
    distance_cost = -4.0 * torch.sum(ball_position[:, :2] ** 2, dim=-1)
    speed_cost = -0.05 * torch.sum(ball_velocity**2, dim=-1)
    knee_cost = -0.005 * torch.sum(knee_velocity**2, dim=-1)
    action_cost = -0.05 * torch.sum(action**2, dim=-1)

    total = alive + distance_cost + speed_cost + knee_cost + action_cost
    return total, {
        "alive": alive,
        "distance_cost": distance_cost,
        "speed_cost": speed_cost,
        "knee_cost": knee_cost,
        "action_cost": action_cost,
    }
