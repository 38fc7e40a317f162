import torch
from torch import Tensor
from typing import Tuple, Dict


@torch.jit.script
def compute_reward(
    object_rotation: Tensor,
    goal_rotation: Tensor,
    object_position: Tensor,
    fingertip_positions: Tensor,
    action: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    # Rotation difference between the object and the goal
    dot = torch.sum(object_rotation * goal_rotation, dim=-1)
    rot_dist = 2.0 * torch.acos(torch.clamp(torch.abs(dot), max=1.0))

    # Rotation reward
    rotation_temp = 0.5
    rotation_reward = torch.exp(-rot_dist / rotation_temp)

    # Keep the object close to the fingertips
    distances = torch.norm(fingertip_positions - object_position.unsqueeze(1), dim=-1)
    fingertip_temp = 0.1
    fingertip_reward = torch.exp(-torch.mean(distances, dim=-1) / fingertip_temp)

    # Success bonus
    success = torch.where(rot_dist < 0.1, torch.ones_like(rot_dist), torch.zeros_like(rot_dist))
    success_bonus = 10.0 * success

    # Action penalty
    action_penalty = -0.002 * torch.sum(action ** 2, dim=-1)

    total_reward = rotation_reward + 0.3 * fingertip_reward + success_bonus + action_penalty

    reward_components = {
        "rotation_reward": rotation_reward,
        "fingertip_reward": fingertip_reward,
        "success_bonus": success_bonus,
        "action_penalty": action_penalty,
    }
    return total_reward, reward_components
