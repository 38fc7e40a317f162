from typing import Tuple, Dict
import math
import torch
from torch import Tensor

@torch.jit.script
def compute_reward(object_rotation: Tensor, goal_rotation: Tensor, object_position: Tensor, fingertip_positions: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:

    # Quaternion difference (w, x, y, z): q_obj * conj(q_goal)
    w1, x1, y1, z1 = object_rotation[:, 0], object_rotation[:, 1], object_rotation[:, 2], object_rotation[:, 3]
    w2, x2, y2, z2 = goal_rotation[:, 0], -goal_rotation[:, 1], -goal_rotation[:, 2], -goal_rotation[:, 3]
    dx = w1 * x2 + x1 * w2 + y1 * z2 - z1 * y2
    dy = w1 * y2 - x1 * z2 + y1 * w2 + z1 * x2
    dz = w1 * z2 + x1 * y2 - y1 * x2 + z1 * w2
    vec = torch.stack([dx, dy, dz], dim=-1)

    # Rotation distance
    rot_dist = 2.0 * torch.asin(torch.clamp(torch.norm(vec, p=2, dim=-1), max=1.0))

    # Temperature parameters for the transformed components
    rot_temp = 0.5
    dist_temp = 8.0

    rotation_reward = torch.exp(-rot_dist / rot_temp)

    # Mean distance between the fingertips and the cube
    fingertip_dist = torch.norm(fingertip_positions - object_position.unsqueeze(1), dim=-1).mean(dim=-1)
    fingertip_reward = torch.exp(-dist_temp * fingertip_dist)

    success_bonus = torch.where(rot_dist < 0.1, torch.ones_like(rot_dist) * 10.0, torch.zeros_like(rot_dist))

    total_reward = 2.0 * rotation_reward + 0.5 * fingertip_reward + success_bonus

    reward_components: Dict[str, Tensor] = {
        "rotation_reward": rotation_reward,
        "fingertip_reward": fingertip_reward,
        "success_bonus": success_bonus,
    }
    return total_reward, reward_components
