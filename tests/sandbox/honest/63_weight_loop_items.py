import torch
from torch import Tensor
from typing import Dict, Tuple

WEIGHTS: Dict[str, float] = {
    "tracking": 1.0,
    "heading": 0.5,
    "lin_vel_z": -2.0,
    "ang_vel_xy": -0.05,
    "torques": -2e-4,
    "dof_vel": -1e-4,
    "action_rate": -0.01,
    "joint_limits": -10.0,
    "feet_air": 0.1,
    "termination": -5.0,
}

JOINT_LOWER = [-0.8, -1.0, -2.7] * 4
JOINT_UPPER = [0.8, 4.1, -0.9] * 4


@torch.no_grad()
def compute_reward(linear_velocity: Tensor, angular_velocity: Tensor, target_speed: Tensor, heading_error: Tensor, torques: Tensor,
                   joint_positions: Tensor, joint_velocities: Tensor, action: Tensor, last_action: Tensor,
                   feet_contact: Tensor, fallen: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    lower = torch.tensor(JOINT_LOWER, device=joint_positions.device)
    upper = torch.tensor(JOINT_UPPER, device=joint_positions.device)
    soft = 0.9
    mid, half = (lower + upper) / 2, (upper - lower) / 2 * soft

    out_of_limits = -(joint_positions - (mid - half)).clip(max=0.)
    out_of_limits += (joint_positions - (mid + half)).clip(min=0.)

    components = {
        "tracking": torch.exp(-torch.square(target_speed - linear_velocity[:, 0]) / 0.25),
        "heading": torch.exp(-heading_error.abs() / 0.3),
        "lin_vel_z": torch.square(linear_velocity[:, 2]),
        "ang_vel_xy": torch.sum(torch.square(angular_velocity[:, :2]), dim=1),
        "torques": torch.sum(torch.square(torques), dim=1),
        "dof_vel": torch.sum(torch.square(joint_velocities), dim=1),
        "action_rate": torch.sum(torch.square(last_action - action), dim=1),
        "joint_limits": torch.sum(out_of_limits, dim=1),
        "feet_air": torch.sum(~feet_contact, dim=1) * (torch.norm(linear_velocity[:, :2], dim=1) > 0.1),
        "termination": fallen.float(),
    }
    total = torch.zeros_like(target_speed)
    for name, value in components.items():
        total = total + WEIGHTS[name] * value
    return torch.clip(total, min=-10.0), components
