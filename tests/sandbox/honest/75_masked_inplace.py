import torch
from torch import Tensor
from typing import Dict, Tuple

def compute_reward(object_position: Tensor, goal_position: Tensor, fingertip_positions: Tensor, fallen: Tensor, feet_contact: Tensor, steps: Tensor, goals_reached: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    N = object_position.shape[0]
    device = object_position.device

    dist = torch.norm(object_position - goal_position, dim=-1)
    tips = torch.norm(fingertip_positions - object_position.unsqueeze(1), dim=-1)

    touching = torch.zeros_like(dist, dtype=torch.bool)
    touching |= (tips < 0.25).any(dim=-1)
    firm = torch.count_nonzero(tips < 0.4, dim=-1) >= 3
    at_goal = dist < 0.3

    reward = torch.zeros(N, device=device)
    reward -= dist
    reward[touching] += 0.5
    reward[firm] += 1.0
    reward[at_goal & firm] += 5.0
    reward[fallen] = -10.0

    contact_bonus = torch.zeros(N, dtype=torch.float32, device=device)
    contact_bonus[feet_contact.all(dim=-1)] = 0.2
    contact_bonus[~feet_contact.any(dim=-1)] = -0.2

    late = torch.zeros(N, device=device)
    late[steps > 400] = -0.05
    late[(steps > 550) & (goals_reached == 0)] = -0.5

    # scale what the worlds that touch the object get by how near the goal it is
    scaled = torch.zeros_like(dist)
    scaled[touching] = torch.exp(-2.0 * dist[touching])
    scaled.clamp_(0, 1)

    total = reward + contact_bonus + late + scaled
    return total, {"main": reward, "contact": contact_bonus, "late": late, "scaled": scaled}
