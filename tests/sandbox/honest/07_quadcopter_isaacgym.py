import torch
from torch import Tensor
from typing import Tuple, Dict


@torch.jit.script
def quat_axis_z(q: Tensor) -> Tensor:
    w = q[:, 0]
    x = q[:, 1]
    y = q[:, 2]
    z = q[:, 3]
    return torch.stack([2.0 * (x * z + w * y), 2.0 * (y * z - w * x), 1.0 - 2.0 * (x * x + y * y)], dim=-1)


@torch.jit.script
def compute_reward(position: Tensor, rotation: Tensor, angular_velocity: Tensor,
                   goal_position: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    # distance to target
    rel = goal_position - position
    target_dist = torch.sqrt(rel[..., 0] * rel[..., 0] + rel[..., 1] * rel[..., 1] + rel[..., 2] * rel[..., 2])
    pos_reward = 1.0 / (1.0 + target_dist * target_dist)

    # uprightness
    ups = quat_axis_z(rotation)
    tiltage = torch.abs(1 - ups[..., 2])
    up_reward = 1.0 / (1.0 + tiltage * tiltage)

    # spinning
    spinnage = torch.abs(angular_velocity[..., 2])
    spinnage_reward = 1.0 / (1.0 + spinnage * spinnage)

    # combined reward: uprightness and spinning only matter when close to the target
    reward = pos_reward + pos_reward * (up_reward + spinnage_reward)

    # too far away or crashed
    ones = torch.ones_like(reward)
    reward = torch.where(target_dist > 8.0, -ones, reward)
    reward = torch.where(position[..., 2] < 0.1, -ones, reward)

    components: Dict[str, Tensor] = {}
    components["pos_reward"] = pos_reward
    components["up_reward"] = up_reward
    components["spinnage_reward"] = spinnage_reward
    return reward, components
