import torch
from torch import Tensor
from typing import Tuple, Dict


def compute_reward(
    linear_velocity: Tensor,
    angular_velocity: Tensor,
    rotation: Tensor,
    height: Tensor,
    fallen: Tensor,
    action: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    # gravity direction in the body frame, from the conjugate rotation of (0, 0, -1)
    w = rotation[:, 0]
    x = rotation[:, 1]
    y = rotation[:, 2]
    z = rotation[:, 3]
    gravity_body = torch.stack(
        [
            2.0 * (w * y - x * z),
            -2.0 * (y * z + w * x),
            2.0 * (x * x + y * y) - 1.0,
        ],
        dim=-1,
    )
    orientation_error = torch.sum(gravity_body[:, :2] ** 2, dim=-1)
    orientation_reward = torch.exp(-orientation_error / 0.1)

    velocity_reward = torch.exp(-torch.sum(linear_velocity[:, :2] ** 2, dim=-1) / 0.5)
    angular_reward = torch.exp(-torch.sum(angular_velocity ** 2, dim=-1) / 2.0)
    height_reward = torch.exp(-torch.abs(height - 0.98) / 0.1)

    survival = torch.where(fallen, torch.zeros_like(height), torch.ones_like(height))
    effort = -0.005 * torch.sum(action.abs(), dim=-1)

    total = survival * (orientation_reward + 0.7 * velocity_reward + 0.3 * angular_reward + 0.5 * height_reward) + survival + effort

    return total, {
        "orientation": orientation_reward,
        "velocity": velocity_reward,
        "angular": angular_reward,
        "height": height_reward,
        "survival": survival,
        "effort": effort,
    }
