import torch
import math
from typing import Tuple, Dict


def _quat_conjugate(q):
    return torch.cat([q[..., :1], -q[..., 1:]], dim=-1)


def _quat_mul(a, b):
    aw, ax, ay, az = a[..., 0], a[..., 1], a[..., 2], a[..., 3]
    bw, bx, by, bz = b[..., 0], b[..., 1], b[..., 2], b[..., 3]
    return torch.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        dim=-1,
    )


def _rotation_angle(q):
    # 2 * atan2(|v|, |w|) is better conditioned than acos near zero
    return 2.0 * torch.atan2(torch.norm(q[..., 1:], dim=-1), torch.abs(q[..., 0]))


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
) -> Tuple[Tensor, Dict[str, Tensor]]:
    # ---- rotation to the next waypoint of the spin ----
    q_diff = _quat_mul(goal_rotation, _quat_conjugate(object_rotation))
    angle = _rotation_angle(q_diff)

    rot_temp_coarse = 1.0
    rot_temp_fine = 0.2
    rotation_coarse = torch.exp(-angle / rot_temp_coarse)
    rotation_fine = torch.exp(-angle / rot_temp_fine)

    # ---- keep the pen above the palm ----
    pos_err = torch.norm(object_position - goal_position, dim=-1)
    pos_temp = 0.05
    position_reward = torch.exp(-pos_err / pos_temp)

    # ---- fingertips around the pen ----
    tip_dist = torch.norm(fingertip_positions - object_position[:, None, :], dim=-1)
    closest_two, _ = torch.topk(tip_dist, k=2, dim=-1, largest=False)
    finger_temp = 0.04
    finger_reward = torch.exp(-closest_two.mean(dim=-1) / finger_temp)

    # ---- bonus for waypoints already passed ----
    progress_bonus = torch.log1p(goals_reached.float())
    reached = (angle < math.radians(12.0)) & (pos_err < 0.05)
    reach_bonus = 5.0 * reached.float()

    # ---- dropping the pen ----
    drop_penalty = torch.where(pos_err > 0.2, torch.full_like(pos_err, -5.0), torch.zeros_like(pos_err))

    # ---- regularisation ----
    smooth_penalty = -0.005 * torch.sum((action - last_action) ** 2, dim=-1)
    vel_penalty = -1e-4 * torch.sum(joint_velocities ** 2, dim=-1)

    components = {
        "rotation_coarse": 1.0 * rotation_coarse,
        "rotation_fine": 2.0 * rotation_fine,
        "position": 0.5 * position_reward,
        "finger": 0.2 * finger_reward,
        "progress_bonus": 0.3 * progress_bonus,
        "reach_bonus": reach_bonus,
        "drop_penalty": drop_penalty,
        "smooth_penalty": smooth_penalty,
        "vel_penalty": vel_penalty,
    }
    total = sum(components.values())
    return total, components
