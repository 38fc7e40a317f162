import torch
import math
from typing import Tuple, Dict
from torch import Tensor


def compute_reward(
    position: Tensor,
    rotation: Tensor,
    linear_velocity: Tensor,
    angular_velocity: Tensor,
    height: Tensor,
    body_positions: Tensor,
    joint_positions: Tensor,
    torques: Tensor,
    action: Tensor,
    last_action: Tensor,
    contact_forces: Tensor,
    feet_contact: Tensor,
    fallen: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    # roll and pitch from quaternion (w, x, y, z)
    w, x, y, z = rotation.unbind(dim=-1)
    roll = torch.atan2(2.0 * (w * x + y * z), 1.0 - 2.0 * (x * x + y * y))
    pitch = torch.asin(torch.clamp(2.0 * (w * y - z * x), -1.0, 1.0))

    tilt_temp = 0.15
    tilt_reward = torch.exp(-(roll ** 2 + pitch ** 2) / tilt_temp)

    # Capture point: where the robot would have to step in order to stop
    g = 9.81
    omega = torch.sqrt(g / torch.clamp(height, min=0.1))
    capture_point = position[:, :2] + linear_velocity[:, :2] / omega.unsqueeze(-1)

    # Support centre: first four links are taken to be the feet
    feet_xy = body_positions[:, :4, :2]
    contact = feet_contact.float().unsqueeze(-1)
    n_contact = contact.sum(dim=1).clamp(min=1.0)
    support_center = (feet_xy * contact).sum(dim=1) / n_contact
    any_contact = feet_contact.any(dim=1).float()

    cp_dist = torch.norm(capture_point - support_center, dim=-1)
    cp_temp = 0.2
    capture_reward = any_contact * torch.exp(-cp_dist / cp_temp)

    # Come to rest again
    vel_temp = 0.5
    velocity_reward = torch.exp(-torch.norm(linear_velocity[:, :2], dim=-1) / vel_temp)
    ang_temp = 1.0
    angular_reward = torch.exp(-torch.norm(angular_velocity, dim=-1) / ang_temp)

    # Height
    height_reward = torch.exp(-((height - 0.9) ** 2) / 0.05)

    # Balanced loading of the feet
    fz = contact_forces[:, :, 2].clamp(min=0.0)
    load = fz / (fz.sum(dim=1, keepdim=True) + 1e-6)
    balance_penalty = -load.var(dim=1, unbiased=False)

    pose_penalty = -0.02 * (joint_positions ** 2).sum(dim=-1)
    torque_penalty = -1e-5 * (torques ** 2).sum(dim=-1)
    rate_penalty = -0.01 * ((action - last_action) ** 2).sum(dim=-1)
    fall_penalty = -10.0 * fallen.float()

    reward = (
        1.0 * tilt_reward
        + 1.5 * capture_reward
        + 0.5 * velocity_reward
        + 0.3 * angular_reward
        + 0.5 * height_reward
        + 0.5 * balance_penalty
        + pose_penalty
        + torque_penalty
        + rate_penalty
        + fall_penalty
    )

    return reward, {
        "tilt": tilt_reward,
        "capture_point": capture_reward,
        "velocity": velocity_reward,
        "angular": angular_reward,
        "height": height_reward,
        "balance": balance_penalty,
        "pose": pose_penalty,
        "torque": torque_penalty,
        "action_rate": rate_penalty,
        "fall": fall_penalty,
    }
