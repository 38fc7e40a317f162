import torch
from torch import Tensor
from typing import Tuple, Dict


def compute_reward(object_position: Tensor, object_rotation: Tensor, goal_position: Tensor, goal_rotation: Tensor, fingertip_positions: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    # Object to goal
    goal_dist = torch.norm(object_position - goal_position, p=2, dim=-1)

    # Object rotation to goal rotation
    dot = torch.abs(torch.sum(object_rotation * goal_rotation, dim=-1))
    rot_dist = 2.0 * torch.asin(torch.sqrt(torch.clamp(1.0 - dot * dot, min=0.0, max=1.0)))

    # Same as the Bi-DexHands formulation
    dist_rew = goal_dist
    reward_pose = torch.exp(-0.2 * (dist_rew * 50.0 + rot_dist))

    # Hand should be under the object
    palm = fingertip_positions.mean(dim=1)
    horizontal = torch.norm(palm[:, :2] - object_position[:, :2], dim=-1)
    reward_under = torch.exp(-horizontal / 0.1)

    # Catch bonus
    caught = goal_dist < 0.05
    catch_bonus = caught.float() * 25.0

    # Drop penalty
    drop = object_position[:, 2] < 0.2
    drop_penalty = -drop.float() * 2.0

    total = reward_pose + 0.3 * reward_under + catch_bonus + drop_penalty

    return total, {
        "pose": reward_pose,
        "under": reward_under,
        "catch_bonus": catch_bonus,
        "drop_penalty": drop_penalty,
    }
