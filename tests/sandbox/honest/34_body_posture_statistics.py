import torch
from torch import Tensor
from typing import Dict, Tuple

LINKS = ["head", "torso", "pelvis", "left_shank", "right_shank"]


def compute_reward(body_positions: Tensor, joint_positions: Tensor, joint_velocities: Tensor,
                   linear_velocity: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    # per-axis view: (N, 3, 5)
    by_axis = body_positions.permute(0, 2, 1)
    xs, ys, zs = by_axis[:, 0], by_axis[:, 1], by_axis[:, 2]

    # trunk should be stacked vertically: small horizontal spread of head/torso/pelvis
    trunk = body_positions[:, :3]
    spread = torch.std(trunk[:, :, :2], dim=1).sum(dim=-1)

    # the order of the heights: head > torso > pelvis > shanks
    gaps = zs[:, 0:2] - zs[:, 1:3]
    order = torch.sigmoid(gaps / 0.05).prod(dim=-1)

    com = body_positions.mean(dim=1)
    feet_mid = 0.5 * (body_positions[:, -1] + body_positions[:, -2])
    com_offset = (com - feet_mid)[:, :2].norm(dim=-1)

    # links keep apart
    D = torch.cdist(body_positions, body_positions)
    mask = torch.triu(torch.ones(5, 5, dtype=torch.bool, device=D.device), diagonal=1)
    too_close = ((D < 0.08) & mask).float().sum(dim=(1, 2))

    pose_var = joint_positions.var(dim=-1, unbiased=False)
    vel_std, vel_mean = torch.std_mean(joint_velocities, dim=-1)

    step_width = (ys[:, 3] - ys[:, 4]).abs()
    width_term = torch.exp(-((step_width - 0.2) / 0.1).square())

    reward = (order + 0.5 * width_term + 0.5 * linear_velocity[:, 0]
              - 1.0 * spread - 0.5 * com_offset - 0.2 * too_close
              - 0.05 * pose_var - 0.01 * vel_std - 0.01 * vel_mean.abs())
    return reward, {
        "order": order,
        "width": width_term,
        "spread": -spread,
        "com_offset": -0.5 * com_offset,
        "too_close": -0.2 * too_close,
        "pose_var": -0.05 * pose_var,
        "vel_std": -0.01 * vel_std,
    }
