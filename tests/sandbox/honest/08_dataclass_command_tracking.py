from dataclasses import dataclass, field
from typing import Dict, Tuple

import torch
from torch import Tensor


@dataclass(frozen=True)
class RewardConfig:
    w_speed: float = 1.5
    w_heading: float = 0.8
    w_smooth: float = 0.02
    w_height: float = 0.5
    sigma_speed: float = 0.3
    sigma_heading: float = 0.5
    height_range: Tuple[float, float] = (0.28, 0.42)
    joint_default: Tuple[float, ...] = field(
        default=(0.0, 0.8, -1.5, 0.0, 0.8, -1.5, 0.0, 1.0, -1.5, 0.0, 1.0, -1.5)
    )


CFG = RewardConfig()


def _kernel(err: Tensor, sigma: float) -> Tensor:
    return torch.exp(-torch.square(err / sigma))


def compute_reward(
    linear_velocity: Tensor,
    target_speed: Tensor,
    heading_error: Tensor,
    height: Tensor,
    joint_positions: Tensor,
    action: Tensor,
    last_action: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    planar_speed = torch.linalg.vector_norm(linear_velocity[:, :2], dim=-1)
    speed = CFG.w_speed * _kernel(planar_speed - target_speed, CFG.sigma_speed)

    heading = CFG.w_heading * _kernel(heading_error, CFG.sigma_heading)

    lo, hi = CFG.height_range
    outside = torch.relu(lo - height) + torch.relu(height - hi)
    height_pen = -CFG.w_height * outside / (hi - lo)

    default = torch.as_tensor(CFG.joint_default, dtype=joint_positions.dtype, device=joint_positions.device)
    posture = -0.1 * F.smooth_l1_loss(joint_positions, default.expand_as(joint_positions), reduction="none").sum(-1)

    smooth = -CFG.w_smooth * (action - last_action).square().sum(dim=-1)

    components = dict(speed=speed, heading=heading, height=height_pen, posture=posture, smooth=smooth)
    total = sum(components.values())
    return total, components
