import torch
from torch import Tensor
from typing import Tuple, Dict


def compute_reward(
    linear_velocity: Tensor,
    rotation: Tensor,
    action: Tensor,
    height: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    # Temperature parameters
    velocity_temp = 0.5
    upright_temp = 2.0

    # Reward for running forward as fast as possible
    forward_velocity = linear_velocity[:, 0]
    velocity_reward = torch.exp(velocity_temp * torch.clamp(forward_velocity, max=6.0)) - 1.0

    # Reward for staying upright (z component of the body's up axis)
    x, y = rotation[:, 1], rotation[:, 2]
    up_z = 1.0 - 2.0 * (x * x + y * y)
    upright_reward = torch.exp(upright_temp * (up_z - 1.0))

    # Penalty for large actions
    action_penalty = -0.01 * torch.sum(action ** 2, dim=-1)

    # Penalty if the torso is too low
    height_penalty = torch.where(height < 0.3, -1.0 * torch.ones_like(height), torch.zeros_like(height))

    total_reward = velocity_reward + upright_reward + action_penalty + height_penalty

    reward_components = {
        "velocity_reward": velocity_reward,
        "upright_reward": upright_reward,
        "action_penalty": action_penalty,
        "height_penalty": height_penalty,
    }
    return total_reward, reward_components
