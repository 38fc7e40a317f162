import torch
from torch import Tensor
from typing import Tuple, Dict

def compute_reward(
    body_positions: Tensor,
    object_position: Tensor,
    goal_position: Tensor,
    action: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    # Hand positions (assume the first link is the left hand and the last the right hand)
    left_hand = body_positions[:, 0, :]
    right_hand = body_positions[:, -1, :]

    # Distances
    left_dist = torch.norm(left_hand - object_position, dim=-1)
    right_dist = torch.norm(right_hand - object_position, dim=-1)
    goal_dist = torch.norm(object_position - goal_position, dim=-1)

    # Stage 1: the left hand grabs the object
    left_reward = torch.exp(-5.0 * left_dist)

    # Stage 2: the right hand comes to the object when the left hand has it
    left_has = left_dist < 0.1
    right_reward = torch.where(left_has, torch.exp(-5.0 * right_dist), 0.2 * torch.exp(-5.0 * right_dist))

    # Stage 3: the right hand carries it to the goal
    right_has = (right_dist < 0.1) & (left_dist > 0.15)
    goal_reward = torch.where(right_has, 2.0 * torch.exp(-3.0 * goal_dist), torch.zeros_like(goal_dist))

    # Success
    success_bonus = torch.where(
        torch.logical_and(right_has, goal_dist < 0.05),
        torch.tensor(10.0, device=goal_dist.device),
        torch.tensor(0.0, device=goal_dist.device),
    )

    # Penalise actions
    action_penalty = -0.01 * torch.norm(action, dim=-1)

    total_reward = left_reward + right_reward + goal_reward + success_bonus + action_penalty

    reward_components = {
        'left_reward': left_reward,
        'right_reward': right_reward,
        'goal_reward': goal_reward,
        'success_bonus': success_bonus,
        'action_penalty': action_penalty,
    }

    return total_reward, reward_components
