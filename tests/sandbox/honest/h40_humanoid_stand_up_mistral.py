import torch
from torch import Tensor
from typing import Tuple, Dict

def compute_reward(
    height: Tensor,
    rotation: Tensor,
    body_positions: Tensor,
    joint_velocities: Tensor,
    action: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    # Parameters
    target_height = torch.tensor(1.2, device=height.device)
    height_temp = torch.tensor(0.3, device=height.device)
    upright_temp = torch.tensor(0.5, device=height.device)

    # Reward for height
    height_error = torch.abs(target_height - height)
    height_reward = torch.exp(-height_error / height_temp)

    # Reward for upright orientation
    up_vector_z = 1 - 2 * (rotation[:, 1]**2 + rotation[:, 2]**2)
    upright_reward = torch.exp(-(1 - up_vector_z) / upright_temp)

    # Reward for having the head (last link) above the feet (first link)
    head_above_feet = body_positions[:, 4, 2] - body_positions[:, 0, 2]
    posture_reward = torch.tanh(head_above_feet)

    # Penalties
    velocity_penalty = -0.001 * torch.sum(joint_velocities**2, dim=1)
    action_penalty = -0.01 * torch.sum(action**2, dim=1)

    # Total reward
    total_reward = 2.0 * height_reward + upright_reward + 0.5 * posture_reward + velocity_penalty + action_penalty

    # Individual components
    reward_components = {
        "height_reward": height_reward,
        "upright_reward": upright_reward,
        "posture_reward": posture_reward,
        "velocity_penalty": velocity_penalty,
        "action_penalty": action_penalty,
    }

    return total_reward, reward_components
