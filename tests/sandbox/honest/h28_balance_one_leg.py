import torch
from torch import Tensor
from typing import Tuple, Dict


def compute_reward(
    position: Tensor,
    rotation: Tensor,
    linear_velocity: Tensor,
    angular_velocity: Tensor,
    height: Tensor,
    body_positions: Tensor,
    contact_forces: Tensor,
    feet_contact: Tensor,
    joint_velocities: Tensor,
    fallen: Tensor,
    action: Tensor,
    last_action: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    """Balance on a single stance foot (foot 0) with the other feet off the ground."""

    # exactly the stance foot in contact
    stance = feet_contact[:, 0]
    others = feet_contact[:, 1:].any(dim=-1)
    one_leg = (stance & ~others).float()

    # partial credit: how much of the weight is on the stance foot
    forces = contact_forces.norm(dim=-1)
    load_ratio = forces[:, 0] / forces.sum(dim=-1).clamp_min(1e-3)

    # centre of mass over the stance foot
    com = body_positions.mean(dim=1)
    foot = body_positions[:, 0]
    com_offset = (com[:, :2] - foot[:, :2]).norm(dim=-1)
    com_reward = torch.exp(-com_offset / 0.1)

    # swing feet clear of the ground
    swing_height = body_positions[:, 1:4, 2].amin(dim=-1)
    clear_reward = torch.clamp(swing_height / 0.1, 0.0, 1.0)

    # upright
    up_z = 1.0 - 2.0 * rotation[:, 1:3].square().sum(dim=-1)
    upright_reward = torch.exp(-torch.acos(up_z.clamp(-0.9999, 0.9999)) / 0.3)

    # steady
    steady_reward = torch.exp(-(linear_velocity.square().sum(-1) + 0.1 * angular_velocity.square().sum(-1)))

    # penalties
    joint_vel_penalty = -5e-4 * joint_velocities.square().sum(-1)
    action_rate_penalty = -0.01 * (action - last_action).square().sum(-1)
    fall_penalty = -5.0 * fallen.to(torch.float32)

    components = {
        "one_leg": 2.0 * one_leg,
        "load_ratio": 0.5 * load_ratio,
        "com_reward": 1.0 * com_reward,
        "clear_reward": 0.5 * clear_reward,
        "upright_reward": 1.0 * upright_reward,
        "steady_reward": 0.5 * steady_reward,
        "joint_vel_penalty": joint_vel_penalty,
        "action_rate_penalty": action_rate_penalty,
        "fall_penalty": fall_penalty,
    }

    total_reward = torch.zeros_like(height)
    for value in components.values():
        total_reward = total_reward + value

    return total_reward, components
