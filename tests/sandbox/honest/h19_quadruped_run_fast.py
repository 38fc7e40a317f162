import torch
from torch import Tensor
from typing import Tuple, Dict

def compute_reward(linear_velocity: Tensor, torques: Tensor, fallen: Tensor, heading_error: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    """
    Computes the reward for the quadruped running task.

    Args:
        linear_velocity (Tensor): Base linear velocity (N, 3).
        torques (Tensor): Joint torques (N, 12).
        fallen (Tensor): Whether the robot has fallen (N,).
        heading_error (Tensor): Heading error (N,).

    Returns:
        Tuple[Tensor, Dict[str, Tensor]]: Total reward and reward components.
    """
    # Reward for moving forward
    forward_reward = linear_velocity[:, 0]

    # Reward for facing the target
    heading_reward = torch.cos(heading_error)

    # Penalty for using too much torque
    torque_penalty = -0.0001 * torch.sum(torques**2, dim=1)

    # Penalty for falling
    fall_penalty = -10.0 * fallen.float()

    # Total reward
    total_reward = forward_reward + 0.5 * heading_reward + torque_penalty + fall_penalty

    # Reward components
    reward_components = {
        "forward_reward": forward_reward,
        "heading_reward": heading_reward,
        "torque_penalty": torque_penalty,
        "fall_penalty": fall_penalty
    }

    return total_reward, reward_components
