import torch
from torch import Tensor
from typing import Dict, Tuple


def compute_reward(
    rotation: Tensor,
    position: Tensor,
    linear_velocity: Tensor,
    angular_velocity: Tensor,
    height: Tensor,
    fallen: Tensor,
    torques: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    # Orientation: angle between body z axis and world z axis
    up = 1.0 - 2.0 * (rotation[:, 1] ** 2 + rotation[:, 2] ** 2)
    tilt_angle = torch.acos(torch.clamp(up, -1.0 + 1e-6, 1.0 - 1e-6))
    balance_reward = torch.exp(-5.0 * tilt_angle)

    # Keep still
    lin_speed = torch.norm(linear_velocity, dim=1)
    ang_speed = torch.norm(angular_velocity, dim=1)
    stillness_reward = torch.exp(-1.0 * lin_speed - 0.5 * ang_speed)

    # Stay near origin
    drift_penalty = -0.1 * torch.norm(position[:, :2], dim=1)

    # Height
    height_reward = torch.clamp(height, 0.0, 1.0)

    # Energy
    energy_penalty = -1e-4 * torch.sum(torch.abs(torques), dim=1)

    # Survival
    survival_reward = 1.0 - fallen.float()

    total_reward = (
        2.0 * balance_reward
        + 1.0 * stillness_reward
        + drift_penalty
        + 0.5 * height_reward
        + energy_penalty
        + survival_reward
    )

    components = {
        "balance_reward": balance_reward,
        "stillness_reward": stillness_reward,
        "drift_penalty": drift_penalty,
        "height_reward": height_reward,
        "energy_penalty": energy_penalty,
        "survival_reward": survival_reward,
    }

    return total_reward, components
