import torch
import torch.nn.functional as F
from torch import Tensor
from typing import Tuple, Dict

OPEN_ANGLE = 1.4


def compute_reward(
    fingertip_positions: Tensor,
    goal_position: Tensor,
    goal_rotation: Tensor,
    rotation: Tensor,
    door_angle: Tensor,
    joint_velocities: Tensor,
    torques: Tensor,
    action: Tensor,
    last_action: Tensor,
    steps: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    """
    Door opening, third generation.

    Analysis of the previous reward:
      - `reach_reward` converged to its maximum and the policy stopped there (hovering at the handle).
        -> shrink its weight once the door starts to open.
      - `open_reward` was almost always 0. -> use a log-like shape that is steep near zero.
      - `grasp_reward` was noisy. -> use a soft min/max over the fingertips rather than a threshold.
    """
    # --- progress of the door ---
    progress = torch.clamp(door_angle / OPEN_ANGLE, 0.0, 1.0)
    open_reward = torch.log1p(9.0 * progress) / torch.log(torch.tensor(10.0, device=progress.device))

    # --- reach ---
    tips = fingertip_positions - goal_position.unsqueeze(1)
    d = torch.norm(tips, dim=-1)
    d_mean = d.mean(dim=-1)
    reach_weight = 1.0 - 0.8 * progress
    reach_reward = reach_weight * torch.exp(-d_mean / 0.12)

    # --- soft grasp: fingertips on both sides of the handle ---
    thumb = F.normalize(tips[:, 0], dim=-1, eps=1e-6)
    others = F.normalize(tips[:, 1:].mean(dim=1), dim=-1, eps=1e-6)
    opposition = -torch.sum(thumb * others, dim=-1)
    closeness = torch.exp(-d.max(dim=-1)[0] / 0.08)
    grasp_reward = closeness * torch.relu(opposition)

    # --- orientation of the gripper with respect to the handle ---
    align = torch.sum(rotation * goal_rotation, dim=-1) ** 2
    align_reward = reach_weight * align

    # --- milestones ---
    m1 = (door_angle > 0.1).float()
    m2 = (door_angle > 0.5).float()
    m3 = (door_angle > OPEN_ANGLE * 0.95).float()
    milestone_reward = 0.5 * m1 + 1.0 * m2 + 3.0 * m3

    # --- time penalty while the door is shut ---
    time_penalty = -0.1 * (1.0 - m1) * torch.clamp(steps.float() / 200.0, max=1.0)

    # --- regularisers ---
    jerk = -0.01 * F.mse_loss(action, last_action, reduction="none").sum(dim=-1)
    effort = -1e-6 * torques.pow(2).sum(dim=-1)
    speed = -1e-4 * joint_velocities.pow(2).sum(dim=-1)

    total = (
        4.0 * open_reward
        + 1.0 * reach_reward
        + 0.7 * grasp_reward
        + 0.2 * align_reward
        + milestone_reward
        + time_penalty
        + jerk
        + effort
        + speed
    )
    return total, {
        "open": open_reward,
        "reach": reach_reward,
        "grasp": grasp_reward,
        "align": align_reward,
        "milestone": milestone_reward,
        "time": time_penalty,
        "jerk": jerk,
        "effort": effort,
        "speed": speed,
    }
