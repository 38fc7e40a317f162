import torch
from typing import Tuple, Dict


def compute_reward(
    fingertip_positions: Tensor,
    object_position: Tensor,
    object_rotation: Tensor,
    goal_position: Tensor,
    goal_rotation: Tensor,
    action: Tensor,
    last_action: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    """
    Staged reward in the style of robosuite: each stage has its own interval, and the
    overall shaping is the maximum over the stages, so that progress never lowers the reward.

      reach   in [0.0, 0.1]
      grasp   in {0,   0.35}
      lift    in {0} U [0.35, 0.5]
      hover   in {0} U [0.5, 0.7]
      success = 2.25
    """
    reach_mult, grasp_mult, lift_mult, hover_mult = 0.1, 0.35, 0.5, 0.7

    thumb = fingertip_positions[:, 0]
    index = fingertip_positions[:, 1]
    pinch_center = 0.5 * (thumb + index)

    # reaching
    d_reach = torch.norm(pinch_center - object_position, dim=-1)
    r_reach = (1.0 - torch.tanh(10.0 * d_reach)) * reach_mult

    # grasping
    thumb_near = torch.norm(thumb - object_position, dim=-1) < 0.04
    index_near = torch.norm(index - object_position, dim=-1) < 0.04
    grasped = thumb_near & index_near
    r_grasp = grasped.float() * grasp_mult

    # lifting
    z_target = goal_position[:, 2] + 0.15
    z_dist = torch.clamp(z_target - object_position[:, 2], min=0.0)
    r_lift = torch.where(
        grasped,
        grasp_mult + (1.0 - torch.tanh(15.0 * z_dist)) * (lift_mult - grasp_mult),
        torch.zeros_like(z_dist),
    )

    # hovering
    xy_dist = torch.norm(object_position[:, :2] - goal_position[:, :2], dim=-1)
    above = grasped & (z_dist < 0.1)
    r_hover = torch.where(
        above,
        lift_mult + (1.0 - torch.tanh(10.0 * xy_dist)) * (hover_mult - lift_mult),
        torch.zeros_like(xy_dist),
    )

    staged = torch.stack([r_reach, r_grasp, r_lift, r_hover], dim=-1).max(dim=-1).values

    # success
    placed = torch.norm(object_position - goal_position, dim=-1) < 0.04
    q_dot = torch.sum(object_rotation * goal_rotation, dim=-1).abs()
    aligned = q_dot > 0.97
    success = torch.where(placed & aligned, 2.25, torch.where(placed, 1.5, 0.0))

    penalty = -0.002 * torch.sum(torch.square(action - last_action), dim=-1)

    total = staged + success + penalty

    return total, {
        "reach": r_reach,
        "grasp": r_grasp,
        "lift": r_lift,
        "hover": r_hover,
        "staged": staged,
        "success": success,
        "penalty": penalty,
    }
