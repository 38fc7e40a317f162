import torch
import math
from torch import Tensor
from typing import Dict, Tuple


def compute_reward(
    fingertip_positions: Tensor,
    body_positions: Tensor,
    goal_position: Tensor,
    goal_rotation: Tensor,
    rotation: Tensor,
    joint_positions: Tensor,
    joint_velocities: Tensor,
    action: Tensor,
    last_action: Tensor,
    steps: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    """Reaching with a curriculum on the step counter.

    Early in the episode: a wide temperature, light penalties.
    Later in the episode: a narrow temperature, heavier penalties on motion.
    """
    # ---- curriculum factor 0 -> 1 (cosine ramp over 150 steps) ----
    ramp_len = 150.0
    t = torch.clamp(steps.float() / ramp_len, 0.0, 1.0)
    ramp = 0.5 * (1.0 - torch.cos(math.pi * t))

    # ---- distance ----
    tip = fingertip_positions[:, 1]  # index finger
    dist = torch.norm(tip - goal_position, dim=-1)
    temp = 0.4 * (1.0 - ramp) + 0.05 * ramp
    reach = torch.exp(-dist / temp)

    # ---- linear distance so that there's always a slope ----
    approach = -dist

    # ---- orientation ----
    dot = torch.abs(torch.sum(rotation * goal_rotation, dim=-1)).clamp(max=1.0)
    angle = 2.0 * torch.acos(dot)
    orient = torch.exp(-angle / 0.5) * torch.exp(-dist / 0.2)

    # ---- joint limits ----
    limit = 2.6
    violation = torch.clamp(joint_positions.abs() - limit, min=0.0)
    limit_penalty = -5.0 * violation.sum(dim=-1)

    # ---- avoid folding onto itself: smallest distance among non-adjacent links ----
    diff = body_positions[:, :, None, :] - body_positions[:, None, :, :]
    link_dist = torch.norm(diff, dim=-1)
    idx_i = [0, 0, 0, 1, 1, 2]
    idx_j = [2, 3, 4, 3, 4, 4]
    min_link = link_dist[:, idx_i, idx_j].min(dim=-1).values
    collision_penalty = -torch.relu(0.08 - min_link) * 10.0

    # ---- motion penalties (ramped in) ----
    vel_penalty = -(0.0002 + 0.002 * ramp) * torch.sum(joint_velocities ** 2, dim=-1)
    rate_penalty = -(0.005 + 0.02 * ramp) * torch.sum((action - last_action) ** 2, dim=-1)

    # ---- success ----
    success = (dist < 0.02).float() * (1.0 + ramp)

    total = (
        2.0 * reach
        + 0.5 * approach
        + 0.5 * orient
        + limit_penalty
        + collision_penalty
        + vel_penalty
        + rate_penalty
        + 3.0 * success
    )

    return total, {
        "reach": reach,
        "approach": approach,
        "orient": orient,
        "limit_penalty": limit_penalty,
        "collision_penalty": collision_penalty,
        "vel_penalty": vel_penalty,
        "rate_penalty": rate_penalty,
        "success": success,
    }
