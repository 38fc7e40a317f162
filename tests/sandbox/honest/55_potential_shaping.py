import torch
from torch import Tensor
from typing import Tuple, Dict

GAMMA = 0.99
DT = 1.0 / 60.0

def potential(pos: Tensor, goal: Tensor) -> Tensor:
    """Phi(s) = -10 * ||goal - pos|| - log(||goal - pos|| + eps)"""
    dist = torch.sqrt(((goal - pos) ** 2).sum(-1))
    return -10.0 * dist - 0.1 * torch.log(dist + 1e-3)

def compute_reward(position: Tensor, linear_velocity: Tensor, goal_position: Tensor, fallen: Tensor, torques: Tensor, joint_velocities: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    # The step before's position follows from the velocity, so that no state must be kept.
    previous_position = position - linear_velocity * DT
    shaping = GAMMA * potential(position, goal_position) - potential(previous_position, goal_position)
    shaping = shaping.clamp(-1.0, 1.0)

    sparse = 10.0 * ((goal_position - position).norm(dim=-1) < 0.1).float()
    energy = -1e-4 * (torques * joint_velocities).abs().sum(-1)
    alive = 1.0 - fallen.float()

    reward = (shaping + sparse + energy) * alive + 0.05 * alive - 1.0 * fallen.float()
    return reward, {"shaping": shaping, "sparse": sparse, "energy": energy, "alive": alive}
