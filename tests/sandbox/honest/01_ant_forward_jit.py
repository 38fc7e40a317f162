from typing import Tuple, Dict
import math
import torch
from torch import Tensor


@torch.jit.script
def compute_reward(
    linear_velocity: Tensor,
    torques: Tensor,
    height: Tensor,
    action: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    # Temperature parameters for the transformed components
    velocity_temp: float = 0.5
    height_temp: float = 5.0

    forward_velocity = linear_velocity[:, 0]
    forward_reward = torch.exp(velocity_temp * torch.clamp(forward_velocity, 0.0, 4.0)) - 1.0

    # Keep the torso near its nominal height
    nominal_height = 0.55
    height_error = torch.abs(height - nominal_height)
    height_reward = torch.exp(-height_temp * height_error)

    # Effort
    torque_penalty = -0.0005 * torch.sum(torques ** 2, dim=-1)
    action_penalty = -0.005 * torch.sum(torch.square(action), dim=-1)

    total_reward = forward_reward + 0.5 * height_reward + torque_penalty + action_penalty

    reward_components: Dict[str, Tensor] = {
        "forward_reward": forward_reward,
        "height_reward": height_reward,
        "torque_penalty": torque_penalty,
        "action_penalty": action_penalty,
    }
    return total_reward, reward_components
