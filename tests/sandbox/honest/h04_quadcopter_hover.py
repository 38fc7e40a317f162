import torch
from torch import Tensor
from typing import Tuple, Dict

def compute_reward(position: Tensor, goal_position: Tensor, rotation: Tensor, linear_velocity: Tensor, angular_velocity: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    # distance to target
    target_dist = torch.norm(goal_position - position, p=2, dim=-1)
    dist_temp = 1.0
    pos_reward = torch.exp(-target_dist / dist_temp)

    # uprightness
    up_z = 1 - 2 * (rotation[..., 1] ** 2 + rotation[..., 2] ** 2)
    tilt = torch.abs(1 - up_z)
    tilt_temp = 0.5
    up_reward = torch.exp(-tilt / tilt_temp)

    # spinning
    spin = torch.abs(angular_velocity[..., 2])
    spin_temp = 2.0
    spin_reward = torch.exp(-spin / spin_temp)

    # velocity
    speed = torch.norm(linear_velocity, p=2, dim=-1)
    vel_temp = 1.0
    vel_reward = torch.exp(-speed / vel_temp)

    # combine: uprightness, low spin only matter when close to the target
    reward = pos_reward + pos_reward * (up_reward + spin_reward) + 0.2 * vel_reward

    return reward, {
        "pos_reward": pos_reward,
        "up_reward": up_reward,
        "spin_reward": spin_reward,
        "vel_reward": vel_reward,
    }
