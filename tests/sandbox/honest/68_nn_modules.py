import torch
import torch.nn as nn
from typing import Dict, Tuple

cos_sim = nn.CosineSimilarity(dim=-1, eps=1e-8)

def compute_reward(fingertip_positions: torch.Tensor, object_position: torch.Tensor, goal_position: torch.Tensor, linear_velocity: torch.Tensor, joint_positions: torch.Tensor, action: torch.Tensor, last_action: torch.Tensor) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    # 1. Is the object moved into the goal's direction?
    direction = goal_position - object_position
    direction_reward = cos_sim(linear_velocity, direction)

    # 2. Fingertip distance
    pd = nn.PairwiseDistance(p=2)
    fingertip_distance = pd(fingertip_positions.mean(dim=1), object_position)
    finger_reward = torch.nn.ReLU()(0.5 - fingertip_distance) * 2

    # 3. Opposing thumb and index: the vectors from the object to them point opposite ways
    thumb_vec = fingertip_positions[:, 0] - object_position
    index_vec = fingertip_positions[:, 1] - object_position
    opposition = (1 - torch.nn.CosineSimilarity(dim=1)(thumb_vec, index_vec)) / 2

    # 4. Smoothness
    smooth = -nn.SmoothL1Loss(reduction='none')(action, last_action).sum(dim=1)

    # 5. Posture
    limits = nn.Hardtanh(-1.0, 1.0)(joint_positions)
    limit_penalty = -(joint_positions - limits).abs().sum(dim=1)

    # 6. Goal
    goal_reward = nn.Sigmoid()(6 - 12 * torch.norm(direction, dim=1))

    total_reward = (0.5 * direction_reward + 1.0 * finger_reward + 0.5 * opposition
                    + 0.05 * smooth + 0.1 * limit_penalty + 3.0 * goal_reward)

    reward_dict = {
        "direction_reward": direction_reward,
        "finger_reward": finger_reward,
        "opposition": opposition,
        "smooth": smooth,
        "limit_penalty": limit_penalty,
        "goal_reward": goal_reward,
    }
    return total_reward, reward_dict
