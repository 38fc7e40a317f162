import torch
from torch import Tensor
from typing import Tuple, Dict


def compute_reward(
    rotation: Tensor,
    height: Tensor,
    joint_positions: Tensor,
    joint_velocities: Tensor,
    contact_forces: Tensor,
    action: Tensor,
    last_action: Tensor,
    angular_velocity: Tensor,
    steps: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    device = height.device

    # -------- Stage definitions --------
    # Stage 0: on back / side  -> roll over
    # Stage 1: belly down      -> push up
    # Stage 2: standing        -> hold
    up_z = 1.0 - 2.0 * (rotation[:, 1] ** 2 + rotation[:, 2] ** 2)
    rolled_over = up_z > 0.7
    standing = rolled_over & (height > 0.28)

    stage = torch.zeros_like(height, dtype=torch.long)
    stage = torch.where(rolled_over, torch.ones_like(stage), stage)
    stage = torch.where(standing, torch.full_like(stage, 2), stage)

    stage_bonus_table = torch.tensor([0.0, 1.0, 3.0], device=device)
    stage_bonus = stage_bonus_table[stage]

    # -------- Roll over --------
    roll_reward = 0.5 * (1.0 + up_z)

    # -------- Push up --------
    push_temp = 0.1
    push_reward = torch.exp(-torch.abs(height - 0.34) / push_temp) * rolled_over.float()

    # -------- Hold --------
    default_pose = torch.tensor([0.0, 0.8, -1.6] * 4, device=device)
    pose_err = torch.sum((joint_positions - default_pose) ** 2, dim=-1)
    hold_reward = torch.exp(-pose_err / 1.0) * standing.float()
    calm_reward = torch.exp(-torch.sum(angular_velocity ** 2, dim=-1) / 0.5) * standing.float()

    # -------- Penalties, with a curriculum: full weight only after 100 steps --------
    curriculum = torch.clamp(steps.float() / 100.0, 0.1, 1.0)
    vel_penalty = -2e-3 * curriculum * torch.sum(joint_velocities ** 2, dim=-1)
    rate_penalty = -2e-2 * curriculum * torch.sum((action - last_action) ** 2, dim=-1)
    impact = torch.norm(contact_forces, dim=-1).max(dim=-1).values
    impact_penalty = -1e-3 * torch.clamp(impact - 200.0, min=0.0)

    total_reward = (
        stage_bonus + roll_reward + 2.0 * push_reward + hold_reward + calm_reward
        + vel_penalty + rate_penalty + impact_penalty
    )

    return total_reward, {
        "stage_bonus": stage_bonus,
        "roll_reward": roll_reward,
        "push_reward": push_reward,
        "hold_reward": hold_reward,
        "calm_reward": calm_reward,
        "vel_penalty": vel_penalty,
        "rate_penalty": rate_penalty,
        "impact_penalty": impact_penalty,
    }
