import torch
from torch import Tensor
from typing import Tuple, Dict


def quat_to_rotmat(q: Tensor) -> Tensor:
    """wxyz quaternion (N, 4) -> rotation matrix (N, 3, 3)"""
    q = q / q.norm(dim=-1, keepdim=True).clamp(min=1e-8)
    w, x, y, z = q.unbind(dim=-1)
    row0 = torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], dim=-1)
    row1 = torch.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], dim=-1)
    row2 = torch.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], dim=-1)
    return torch.stack([row0, row1, row2], dim=-2)


def compute_reward(
    object_position: Tensor,
    object_rotation: Tensor,
    goal_position: Tensor,
    goal_rotation: Tensor,
    fingertip_positions: Tensor,
    goals_reached: Tensor,
    joint_velocities: Tensor,
    action: Tensor,
    last_action: Tensor,
    steps: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    # A pen is symmetric about its long axis: compare axes rather than full orientations
    R_obj = quat_to_rotmat(object_rotation)
    R_goal = quat_to_rotmat(goal_rotation)
    axis_obj = R_obj[:, :, 2]
    axis_goal = R_goal[:, :, 2]
    axis_cos = torch.sum(axis_obj * axis_goal, dim=-1).clamp(-1.0, 1.0)
    axis_angle = torch.acos(axis_cos.clamp(-1.0 + 1e-6, 1.0 - 1e-6))

    # full rotation distance from the trace, used with a low weight
    R_err = torch.bmm(R_obj, R_goal.transpose(1, 2))
    trace = R_err.diagonal(dim1=-2, dim2=-1).sum(-1)
    full_angle = torch.acos(((trace - 1.0) / 2.0).clamp(-1.0 + 1e-6, 1.0 - 1e-6))

    axis_temp = 0.4
    axis_reward = torch.exp(-axis_angle / axis_temp)
    full_temp = 1.0
    full_reward = torch.exp(-full_angle / full_temp)

    # pen ends relative to the palm plane
    half_length = 0.07
    end_a = object_position + half_length * axis_obj
    end_b = object_position - half_length * axis_obj
    ends = torch.stack([end_a, end_b], dim=1)                      # (N, 2, 3)
    tip_to_end = torch.cdist(fingertip_positions, ends)            # (N, 5, 2)
    nearest = tip_to_end.min(dim=-1).values.min(dim=-1).values
    contact_reward = torch.exp(-nearest / 0.03)

    # stay in the hand
    pos_dist = torch.norm(object_position - goal_position, dim=-1)
    in_hand_reward = torch.exp(-(pos_dist / 0.06) ** 2)

    # rate of goals
    rate = goals_reached.float() / torch.clamp(steps.float() * 0.05, min=1.0)
    rate_bonus = torch.clamp(rate, max=3.0)

    success = (axis_angle < 0.2) & (pos_dist < 0.06)
    success_bonus = success.float() * 8.0

    drop_penalty = -10.0 * (pos_dist > 0.15).float()
    action_penalty = -0.001 * action.pow(2).sum(dim=-1) - 0.004 * (action - last_action).pow(2).sum(dim=-1)
    vel_penalty = -0.00005 * joint_velocities.pow(2).sum(dim=-1)

    total = (
        3.0 * axis_reward
        + 0.5 * full_reward
        + 0.3 * contact_reward
        + 1.0 * in_hand_reward
        + 1.0 * rate_bonus
        + success_bonus
        + drop_penalty
        + action_penalty
        + vel_penalty
    )

    return total, {
        "axis_reward": axis_reward,
        "full_reward": full_reward,
        "contact_reward": contact_reward,
        "in_hand_reward": in_hand_reward,
        "rate_bonus": rate_bonus,
        "success_bonus": success_bonus,
        "drop_penalty": drop_penalty,
        "action_penalty": action_penalty,
        "vel_penalty": vel_penalty,
    }
