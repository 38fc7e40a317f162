import torch
from torch import Tensor
from typing import Dict, Tuple


@torch.jit.script
def quat_conjugate(q: Tensor) -> Tensor:
    return torch.cat([q[:, 0:1], -q[:, 1:4]], dim=-1)


@torch.jit.script
def quat_mul(a: Tensor, b: Tensor) -> Tensor:
    assert a.shape == b.shape
    shape = a.shape
    a = a.reshape(-1, 4)
    b = b.reshape(-1, 4)
    w1, x1, y1, z1 = a[:, 0], a[:, 1], a[:, 2], a[:, 3]
    w2, x2, y2, z2 = b[:, 0], b[:, 1], b[:, 2], b[:, 3]
    ww = (z1 + x1) * (x2 + y2)
    yy = (w1 - y1) * (w2 + z2)
    zz = (w1 + y1) * (w2 - z2)
    xx = ww + yy + zz
    qq = 0.5 * (xx + (z1 - x1) * (x2 - y2))
    w = qq - ww + (z1 - y1) * (y2 - z2)
    x = qq - xx + (x1 + w1) * (x2 + w2)
    y = qq - yy + (w1 - x1) * (y2 + z2)
    z = qq - zz + (z1 + y1) * (w2 - x2)
    return torch.stack([w, x, y, z], dim=-1).view(shape)


@torch.jit.script
def compute_reward(position: Tensor, rotation: Tensor, goal_position: Tensor, goal_rotation: Tensor,
                   linear_velocity: Tensor, angular_velocity: Tensor,
                   action: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    pos_temp: float = 2.0
    rot_temp: float = 1.0

    goal_dist = torch.norm(position - goal_position, p=2, dim=-1)
    quat_diff = quat_mul(rotation, quat_conjugate(goal_rotation))
    rot_dist = 2.0 * torch.asin(torch.clamp(torch.norm(quat_diff[:, 1:4], p=2, dim=-1), max=1.0))

    pos_reward = torch.exp(-pos_temp * goal_dist)
    rot_reward = torch.exp(-rot_temp * rot_dist)
    vel_penalty = 0.05 * torch.norm(linear_velocity, dim=-1) + 0.02 * torch.norm(angular_velocity, dim=-1)
    action_penalty = 0.001 * torch.sum(action ** 2, dim=-1)

    success = ((goal_dist < 0.1) & (rot_dist < 0.2)).float()
    success_bonus = 5.0 * success

    total = pos_reward + pos_reward * rot_reward - vel_penalty - action_penalty + success_bonus
    return total, {
        "pos_reward": pos_reward,
        "rot_reward": rot_reward,
        "vel_penalty": vel_penalty,
        "action_penalty": action_penalty,
        "success_bonus": success_bonus,
    }
