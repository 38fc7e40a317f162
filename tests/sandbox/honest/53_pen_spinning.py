from typing import Tuple, Dict
import torch
from torch import Tensor

def compute_reward(object_position: Tensor, object_rotation: Tensor, goal_rotation: Tensor, goal_position: Tensor, angular_velocity: Tensor, fingertip_positions: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:

    # Hyperparameters
    temp_spin = 2.0
    temp_axis = 4.0
    temp_pos = 10.0

    def quat_rotate(q, v):
        q_w = q[:, 0:1]
        q_vec = q[:, 1:]
        t = 2.0 * torch.cross(q_vec, v, dim=-1)
        return v + q_w * t + torch.cross(q_vec, t, dim=-1)

    # the pen's long axis now and at the goal
    z_axis = torch.zeros_like(object_position)
    z_axis[:, 2] = 1.0
    pen_axis = quat_rotate(object_rotation, z_axis)
    goal_axis = quat_rotate(goal_rotation, z_axis)

    axis_align = torch.sum(pen_axis * goal_axis, dim=-1)
    axis_reward = torch.exp(temp_axis * (axis_align - 1.0))

    # Spinning: the angular velocity about the axis perpendicular to the pen
    along = torch.sum(angular_velocity * pen_axis, dim=-1, keepdim=True)
    perp = angular_velocity - along * pen_axis
    spin_speed = torch.norm(perp, dim=-1)
    spin_reward = torch.tanh(spin_speed / temp_spin)

    # Keep the pen in the hand
    pos_err = torch.norm(object_position - goal_position, dim=-1)
    position_reward = torch.exp(-temp_pos * pos_err)
    dropped = pos_err > 0.24
    drop_penalty = torch.where(dropped, torch.full_like(pos_err, -5.0), torch.zeros_like(pos_err))

    # The fingertips' distance to the pen as a segment of 16 cm
    rel = fingertip_positions - object_position.unsqueeze(1)                    # (N, 5, 3)
    s = torch.einsum('nfk,nk->nf', rel, pen_axis).clamp(-0.08, 0.08)
    closest = s.unsqueeze(-1) * pen_axis.unsqueeze(1)
    seg_dist = (rel - closest).norm(dim=-1)
    touch_reward = torch.exp(-20.0 * seg_dist).sum(dim=-1) / 5

    total_reward = 1.0 * spin_reward + 2.0 * axis_reward + 0.5 * position_reward + 0.3 * touch_reward + drop_penalty

    return total_reward, {"spin_reward": spin_reward, "axis_reward": axis_reward, "position_reward": position_reward, "touch_reward": touch_reward, "drop_penalty": drop_penalty}
