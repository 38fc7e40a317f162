import torch
from typing import Tuple, Dict


def compute_reward(position: torch.Tensor, linear_velocity: torch.Tensor, angular_velocity: torch.Tensor,
                   action: torch.Tensor) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    # Hover at 1 m above the origin
    target = torch.tensor([0.0, 0.0, 1.0], device="cuda")
    weights = torch.tensor([1.0, 1.0, 2.0]).cuda()

    error = position - target
    weighted_dist = torch.sqrt((weights * error ** 2).sum(dim=-1))

    pos_reward = torch.exp(-weighted_dist)
    vel_penalty = 0.1 * torch.norm(linear_velocity, dim=-1)
    spin_penalty = 0.05 * torch.norm(angular_velocity, dim=-1)
    ctrl_penalty = 0.01 * torch.norm(action, dim=-1)

    total = torch.zeros(position.shape[0], device="cuda:0")
    total += 2.0 * pos_reward
    total -= vel_penalty + spin_penalty + ctrl_penalty

    return total, {
        "pos_reward": pos_reward,
        "vel_penalty": vel_penalty,
        "spin_penalty": spin_penalty,
        "ctrl_penalty": ctrl_penalty,
    }
