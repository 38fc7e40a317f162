import torch
import torch.nn as nn
from typing import Dict, Tuple

def compute_reward(position: torch.Tensor, linear_velocity: torch.Tensor, target_speed: torch.Tensor, fallen: torch.Tensor, action: torch.Tensor) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    # Get the device
    device = position.device

    # Define the weights
    forward_weight = torch.tensor(1.0).to(device)
    side_weight = torch.tensor([0.5]).to(device)
    action_weight = torch.tensor(0.01, dtype=torch.float32).to(device)

    # Forward reward
    forward_reward = forward_weight * (1.0 - torch.abs(linear_velocity[:, 0] - target_speed) / (target_speed.abs() + 1.0))

    # Side penalty
    side_penalty = side_weight * torch.abs(position[:, 1])

    # Action penalty
    action_penalty = action_weight * torch.sum(action * action, dim=1)

    # Total reward
    total_reward = forward_reward - side_penalty - action_penalty

    # Punish the fallen robots
    if fallen.any():
        total_reward[fallen] = -10.0

    reward_dict = {
        "forward_reward": forward_reward,
        "side_penalty": side_penalty,
        "action_penalty": action_penalty,
    }

    return total_reward, reward_dict
