import torch
from typing import Tuple, Dict

def compute_reward(object_position: torch.Tensor, goal_position: torch.Tensor, object_rotation: torch.Tensor, goal_rotation: torch.Tensor, steps: torch.Tensor, goals_reached: torch.Tensor, action: torch.Tensor) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    # ----- curriculum -----
    # during the first 100 steps only the position counts, between 100 and 300 the
    # orientation is blended in, later both count fully
    t = steps.to(torch.float32)
    blend = ((t - 100.0) / 200.0).clamp(0.0, 1.0)
    blend = blend * blend * (3.0 - 2.0 * blend)      # smoothstep

    early = steps < 100
    late = steps >= 300
    middle = ~(early | late)

    # ----- position -----
    pos_error = torch.norm(object_position - goal_position, dim=-1)
    pos_reward = torch.exp(-pos_error / 0.2)

    # ----- orientation -----
    dot = torch.abs(torch.sum(object_rotation * goal_rotation, dim=-1))
    rot_error = 2.0 * torch.acos(torch.clamp(dot, -1.0, 1.0))
    rot_reward = torch.exp(-rot_error / 0.8) * blend

    # ----- tightening tolerance: 0.4 rad for the first goal, 0.1 from the sixth on -----
    level = torch.clamp(goals_reached, 0, 5)
    tol = 0.4 - 0.06 * level.float()
    success = (rot_error < tol) & (pos_error < 0.1)
    bonus = success.float() * (5.0 + goals_reached)

    # action penalty grows with the curriculum
    penalty_weight = 0.001 * early + 0.005 * middle + 0.01 * late
    act_penalty = -penalty_weight * (action ** 2).sum(dim=-1)

    # don't take for ever
    time_penalty = torch.where(steps > 500, -0.1, 0.0)

    reward = pos_reward + rot_reward + bonus + act_penalty + time_penalty
    return reward, {'pos_reward': pos_reward, 'rot_reward': rot_reward, 'bonus': bonus, 'act_penalty': act_penalty, 'time_penalty': time_penalty, 'blend': blend}
