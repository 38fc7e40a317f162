import torch
import math
from typing import Dict, Tuple

Tensor = torch.Tensor


def quat_mul(q1: Tensor, q2: Tensor) -> Tensor:
    w1, x1, y1, z1 = q1.unbind(-1)
    w2, x2, y2, z2 = q2.unbind(-1)
    w = w1 * w2 - x1 * x2 - y1 * y2 - z1 * z2
    x = w1 * x2 + x1 * w2 + y1 * z2 - z1 * y2
    y = w1 * y2 - x1 * z2 + y1 * w2 + z1 * x2
    z = w1 * z2 + x1 * y2 - y1 * x2 + z1 * w2
    return torch.stack((w, x, y, z), dim=-1)


def quat_inv(q: Tensor) -> Tensor:
    return q * torch.tensor([1.0, -1.0, -1.0, -1.0], device=q.device, dtype=q.dtype)


def rotation_distance(q1: Tensor, q2: Tensor) -> Tensor:
    diff = quat_mul(q1, quat_inv(q2))
    return 2.0 * torch.asin(torch.clamp(torch.norm(diff[:, 1:4], p=2, dim=-1), max=1.0))


def compute_reward(
    object_position: Tensor,
    object_rotation: Tensor,
    goal_position: Tensor,
    goal_rotation: Tensor,
    fingertip_positions: Tensor,
    joint_velocities: Tensor,
    action: Tensor,
    last_action: Tensor,
    goals_reached: Tensor,
    steps: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    """In-hand cube re-orientation (iteration 4).

    Feedback from iteration 3:
      * rotation_reward rose but consecutive successes plateaued -> sharper, 1/(d+eps) shaped term
      * cube drifted off the palm -> stronger position term
      * action penalties too small to matter -> re-scaled
    """
    # rotation
    rot_dist = rotation_distance(object_rotation, goal_rotation)
    rot_eps = 0.1
    rotation_reward = 1.0 / (torch.abs(rot_dist) + rot_eps)

    # dense term over the whole range, so that the gradient does not vanish at pi
    rotation_dense = 1.0 - rot_dist / math.pi

    # position
    pos_dist = torch.norm(object_position - goal_position, p=2, dim=-1)
    position_penalty = -10.0 * pos_dist

    # fingertips
    tips = torch.norm(fingertip_positions - object_position.unsqueeze(1), p=2, dim=-1)
    fingertip_temp = 0.06
    fingertip_reward = torch.exp(-tips / fingertip_temp).sum(dim=-1)

    # success, grows with how many goals have been reached in a row
    success = rot_dist < 0.1
    streak = torch.clamp(goals_reached.to(rot_dist.dtype), max=20.0)
    success_bonus = torch.where(success, 50.0 + 5.0 * streak, torch.zeros_like(rot_dist))

    # time pressure: later steps in the episode pay less for shaping
    decay = torch.exp(-steps.to(rot_dist.dtype) / 400.0)
    shaped = rotation_dense * decay

    # drop
    fall = pos_dist >= 0.24
    fall_penalty = torch.where(fall, torch.full_like(pos_dist, -20.0), torch.zeros_like(pos_dist))

    # control
    action_penalty = -0.0002 * torch.sum(action ** 2, dim=-1)
    delta_penalty = -0.002 * torch.sum((action - last_action) ** 2, dim=-1)
    velocity_penalty = -0.00005 * torch.sum(joint_velocities ** 2, dim=-1)

    total_reward = (
        rotation_reward
        + shaped
        + position_penalty
        + 0.1 * fingertip_reward
        + success_bonus
        + fall_penalty
        + action_penalty
        + delta_penalty
        + velocity_penalty
    )

    return total_reward, {
        "rotation_reward": rotation_reward,
        "rotation_dense": shaped,
        "position_penalty": position_penalty,
        "fingertip_reward": fingertip_reward,
        "success_bonus": success_bonus,
        "fall_penalty": fall_penalty,
        "action_penalty": action_penalty,
        "delta_penalty": delta_penalty,
        "velocity_penalty": velocity_penalty,
    }
