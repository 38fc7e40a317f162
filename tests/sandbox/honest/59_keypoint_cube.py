from typing import Dict, Tuple
import itertools

import torch
from torch import Tensor

CUBE_SIZE = 0.065
# the eight corners
CORNERS = torch.tensor(list(itertools.product([-0.5, 0.5], repeat=3))) * CUBE_SIZE


def quat_apply(q: Tensor, v: Tensor) -> Tensor:
    xyz = q[..., 1:]
    t = torch.linalg.cross(xyz, v, dim=-1) * 2
    return v + q[..., 0:1] * t + torch.linalg.cross(xyz, t, dim=-1)


def gen_keypoints(pos: Tensor, rot: Tensor) -> Tensor:
    n = pos.shape[0]
    corners = CORNERS.to(pos).unsqueeze(0).expand(n, -1, -1)
    q = rot.unsqueeze(1).expand(-1, CORNERS.size(0), -1)
    return pos.unsqueeze(1) + quat_apply(q, corners)


def lgsk_kernel(x: Tensor, scale: float = 50.0, eps: float = 2.0) -> Tensor:
    """Logistic kernel of the TriFinger environment."""
    scaled = x * scale
    return 1.0 / (scaled.exp() + eps + (-scaled).exp())


def compute_reward(object_position: Tensor, object_rotation: Tensor, goal_position: Tensor, goal_rotation: Tensor,
                   fingertip_positions: Tensor, joint_velocities: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    object_kp = gen_keypoints(object_position, object_rotation)
    goal_kp = gen_keypoints(goal_position, goal_rotation)

    delta = object_kp - goal_kp
    dist_l2 = torch.norm(delta, p=2, dim=-1)
    keypoints_kernel_sum = lgsk_kernel(dist_l2, scale=30.0, eps=2.0).mean(dim=-1)
    pose_reward = 50.0 * keypoints_kernel_sum

    worst_corner = dist_l2.max(dim=-1).values
    success = worst_corner.lt(0.02).float() * 20.0

    finger_reach = torch.norm(fingertip_positions - object_position.unsqueeze(1), dim=-1)
    finger_penalty = -0.5 * finger_reach.mean(dim=-1)
    finger_movement_penalty = -5e-4 * joint_velocities.pow(2).sum(dim=-1)

    total = pose_reward + success + finger_penalty + finger_movement_penalty
    return total, {
        "pose_reward": pose_reward,
        "success": success,
        "finger_penalty": finger_penalty,
        "finger_movement_penalty": finger_movement_penalty,
        "worst_corner": worst_corner,
    }
