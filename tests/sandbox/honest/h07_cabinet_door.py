from typing import Tuple, Dict
import torch
from torch import Tensor


def compute_reward(
    fingertip_positions: Tensor,
    goal_position: Tensor,
    door_angle: Tensor,
    action: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    # goal_position is taken as the handle position

    # Reach: mean fingertip distance to handle
    hand_pos = fingertip_positions.mean(dim=1)
    dist = torch.norm(hand_pos - goal_position, dim=-1)
    reach_temperature: float = 0.1
    reach_reward = torch.exp(-dist / reach_temperature)

    # Open
    max_angle: float = 1.57
    open_fraction = torch.clamp(door_angle / max_angle, 0.0, 1.0)
    open_reward = open_fraction * 5.0

    # Success bonus
    success_bonus = (door_angle > 0.9 * max_angle).float() * 10.0

    # Action penalty
    action_penalty = -0.01 * torch.sum(action ** 2, dim=-1)

    total_reward = reach_reward + open_reward + success_bonus + action_penalty

    reward_dict = {
        "reach_reward": reach_reward,
        "open_reward": open_reward,
        "success_bonus": success_bonus,
        "action_penalty": action_penalty,
    }

    return total_reward, reward_dict
