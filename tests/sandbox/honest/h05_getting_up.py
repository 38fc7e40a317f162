import torch
from typing import Dict, Tuple
from torch import Tensor


def compute_reward(
    height: Tensor,
    rotation: Tensor,
    linear_velocity: Tensor,
    angular_velocity: Tensor,
    joint_positions: Tensor,
    joint_velocities: Tensor,
    torques: Tensor,
    feet_contact: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    """
    Getting-up reward.

    The robot starts from an arbitrary fallen pose. The reward is organised so that:
      1. raising the torso is rewarded from the ground up (dense, monotone),
      2. orientation is rewarded everywhere,
      3. standing still in the nominal pose only pays off once the robot is up.
    """
    target_height = 0.8

    # 1. Height, normalised to [0, 1]
    height_frac = torch.clamp(height / target_height, 0.0, 1.0)
    height_reward = height_frac

    # 2. Orientation. up_z in [-1, 1] -> [0, 1]
    up_z = 1.0 - 2.0 * (rotation[:, 1] ** 2 + rotation[:, 2] ** 2)
    orientation_reward = (0.5 * (up_z + 1.0)) ** 2

    # 3. "Up" gate, smooth
    gate = torch.sigmoid(20.0 * (height_frac - 0.8)) * torch.sigmoid(20.0 * (up_z - 0.8))

    pose_temp = 2.0
    pose_reward = gate * torch.exp(-joint_positions.pow(2).sum(dim=-1) / pose_temp)

    still_temp = 0.5
    motion = linear_velocity.norm(dim=-1) + 0.25 * angular_velocity.norm(dim=-1)
    still_reward = gate * torch.exp(-motion / still_temp)

    feet_reward = gate * feet_contact.float().mean(dim=-1)

    # Regularisation
    torque_penalty = -1e-5 * torques.pow(2).sum(dim=-1)
    velocity_penalty = -1e-4 * joint_velocities.pow(2).sum(dim=-1)

    total = (
        1.5 * height_reward
        + 1.0 * orientation_reward
        + 0.5 * pose_reward
        + 1.0 * still_reward
        + 0.25 * feet_reward
        + torque_penalty
        + velocity_penalty
    )

    components = {
        "height_reward": height_reward,
        "orientation_reward": orientation_reward,
        "pose_reward": pose_reward,
        "still_reward": still_reward,
        "feet_reward": feet_reward,
        "torque_penalty": torque_penalty,
        "velocity_penalty": velocity_penalty,
    }
    return total, components
