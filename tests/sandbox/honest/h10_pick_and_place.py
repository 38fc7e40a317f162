import torch
from typing import Tuple, Dict
from torch import Tensor


def compute_reward(
    fingertip_positions: Tensor,
    object_position: Tensor,
    goal_position: Tensor,
    joint_velocities: Tensor,
    action: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    """Pick and place: reach -> grasp -> lift -> place."""
    # Constants
    TABLE_HEIGHT = 0.0
    LIFT_HEIGHT = 0.10
    GRASP_DIST = 0.05
    REACH_TEMP = 0.15
    PLACE_TEMP = 0.20

    # Stage 1: reach
    hand = fingertip_positions.mean(dim=1)
    hand_to_obj = torch.norm(hand - object_position, dim=-1)
    reach = torch.exp(-hand_to_obj / REACH_TEMP)

    # Stage 2: grasp (all fingertips are close to the object)
    tips_to_obj = torch.norm(fingertip_positions - object_position.unsqueeze(1), dim=-1)
    near = (tips_to_obj < GRASP_DIST).float()
    grasp = near.mean(dim=-1)

    # Stage 3: lift, only counts if something is holding the object
    lifted = torch.clamp((object_position[:, 2] - TABLE_HEIGHT) / LIFT_HEIGHT, 0.0, 1.0)
    lift = lifted * torch.clamp(grasp * 2.0, max=1.0)

    # Stage 4: place
    obj_to_goal = torch.norm(object_position - goal_position, dim=-1)
    place = torch.exp(-obj_to_goal / PLACE_TEMP) * lift

    success = (obj_to_goal < 0.03).float()

    action_pen = -0.005 * torch.sum(torch.square(action), dim=-1)
    vel_pen = -0.0005 * torch.sum(torch.square(joint_velocities), dim=-1)

    total = 0.5 * reach + 0.5 * grasp + 1.5 * lift + 4.0 * place + 10.0 * success + action_pen + vel_pen

    return total, {
        "reach": reach,
        "grasp": grasp,
        "lift": lift,
        "place": place,
        "success": success,
        "action_pen": action_pen,
        "vel_pen": vel_pen,
    }
