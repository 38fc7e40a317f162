def compute_reward(fingertip_positions: Tensor, goal_position: Tensor, action: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    # use the first fingertip as the end effector
    ee = fingertip_positions[:, 0, :]
    distance = torch.norm(ee - goal_position, dim=-1)

    distance_reward = torch.exp(-distance / 0.2)
    precision_reward = torch.exp(-distance / 0.03)
    action_penalty = 0.01 * torch.sum(action ** 2, dim=-1)

    reward = distance_reward + 2.0 * precision_reward - action_penalty
    return reward, {
        "distance_reward": distance_reward,
        "precision_reward": precision_reward,
        "action_penalty": -action_penalty,
    }
