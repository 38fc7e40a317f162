import torch
from torch import Tensor
from typing import Dict, Tuple

def compute_reward(
    object_position: Tensor,
    goal_position: Tensor,
    fingertip_positions: Tensor,
    action: Tensor,
    steps: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    # Palm estimate
    palm = torch.mean(fingertip_positions, dim=1)

    # 1. Move the palm to the object while it is in flight
    palm_dist = torch.linalg.norm(palm - object_position, dim=-1)
    approach_temp = 0.3
    approach = torch.exp(-palm_dist / approach_temp)

    # 2. Close the fingers around it once it is near
    tip_dist = torch.linalg.norm(fingertip_positions - object_position.unsqueeze(1), dim=-1)
    mean_tip = tip_dist.mean(dim=1)
    is_near = palm_dist < 0.12
    grasp_temp = 0.05
    grasp = torch.where(is_near, torch.exp(-mean_tip / grasp_temp), torch.zeros_like(mean_tip))

    # 3. Bring it to the goal
    goal_dist = torch.linalg.norm(object_position - goal_position, dim=-1)
    goal_temp = 0.25
    goal = torch.exp(-goal_dist / goal_temp)

    # 4. Dropping is bad
    dropped = object_position[:, 2] < 0.1
    drop_penalty = -5.0 * dropped.float()

    # 5. The longer it has been held, the better
    held = is_near & ~dropped
    hold_bonus = held.float() * torch.clamp(steps.float() / 100.0, max=1.0)

    effort = -0.001 * action.pow(2).sum(-1)

    total_reward = approach + 2.0 * grasp + 3.0 * goal + drop_penalty + hold_bonus + effort
    reward_components = dict(
        approach=approach,
        grasp=grasp,
        goal=goal,
        drop_penalty=drop_penalty,
        hold_bonus=hold_bonus,
        effort=effort,
    )
    return total_reward, reward_components
