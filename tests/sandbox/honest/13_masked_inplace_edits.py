import torch
from torch import Tensor
from typing import Dict, Tuple


def compute_reward(height: Tensor, linear_velocity: Tensor, target_speed: Tensor, fallen: Tensor,
                   feet_contact: Tensor, steps: Tensor, action: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    n = height.shape[0]
    reward = torch.zeros(n, dtype=torch.float32, device=height.device)

    speed = linear_velocity[:, 0]
    ratio = (speed / target_speed.clamp(min=0.1)).clamp_(-1.0, 1.2)
    reward += ratio

    on_target = (speed - target_speed).abs() < 0.1
    reward[on_target] += 0.5

    too_low = height < 0.2
    reward[too_low] -= 0.5
    reward[height > 0.6] *= 0.5

    airborne = ~feet_contact.any(dim=1)
    bonus = torch.zeros_like(reward)
    bonus[~airborne] = 0.1
    reward += bonus

    # penalise big actions only after a warm up of 50 steps
    act_cost = action.abs().sum(-1) * 0.01
    late = steps > 50
    reward[late] = reward[late] - act_cost[late]

    reward[fallen] = -1.0

    return reward, {
        "ratio": ratio,
        "on_target": on_target.float(),
        "too_low": too_low.float() * -0.5,
        "bonus": bonus,
        "act_cost": -act_cost * late,
    }
