import torch
from torch import Tensor
from typing import Dict, Tuple

NAMES = ["reach", "height", "pose", "vel", "effort", "upright"]
WEIGHTS = [1.0, 0.8, 0.6, 0.1, 0.002, 0.5]

def compute_reward(position: Tensor, rotation: Tensor, goal_position: Tensor, height: Tensor, joint_positions: Tensor, joint_velocities: Tensor, torques: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    assert len(NAMES) == len(WEIGHTS)
    weights = torch.tensor(WEIGHTS, dtype=torch.float32, device=position.device)
    weights = weights / weights.sum()

    q_default = torch.tensor([0.0, 0.8, -1.5] * 4, device=position.device)
    features = torch.stack([
        torch.exp(-(position - goal_position).norm(dim=-1)),
        torch.exp(-torch.square(height - 0.3) / 0.01),
        torch.exp(-(joint_positions - q_default).abs().mean(-1)),
        -joint_velocities.abs().mean(-1),
        -torques.pow(2).sum(-1),
        1 - 2 * (rotation[:, 1] ** 2 + rotation[:, 2] ** 2),
    ], dim=-1)                       # (N, 6)

    reward = features @ weights
    weighted = features * weights
    return reward, {name: weighted[:, i] for i, name in enumerate(NAMES)}
