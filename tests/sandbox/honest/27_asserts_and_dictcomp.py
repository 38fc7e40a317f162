import torch
from torch import Tensor
from typing import Dict, Tuple


def compute_reward(
    position: Tensor, linear_velocity: Tensor, joint_positions: Tensor, torques: Tensor, contact_forces: Tensor
) -> Tuple[Tensor, Dict[str, Tensor]]:
    """
    Stand in place with low torques.

    Args:
        position: (N, 3)
        linear_velocity: (N, 3)
        joint_positions: (N, 12)
        torques: (N, 12)
        contact_forces: (N, 4, 3)
    Returns:
        reward (N,), components
    """
    assert position.ndim == 2 and position.shape[1] == 3
    assert joint_positions.shape[-1] == torques.shape[-1] == 12, "expected 12 joints"
    assert contact_forces.dim() == 3
    num_envs = position.shape[0]

    legs_q = joint_positions.view(num_envs, 4, 3)
    legs_t = torques.view(num_envs, 4, 3)
    names = ["fl", "fr", "rl", "rr"]

    leg_energy = {n: legs_t[:, i].pow(2).sum(-1) for i, n in enumerate(names)}
    leg_pose = {n: legs_q[:, i].norm(dim=-1) for i, n in enumerate(names)}

    support = contact_forces[:, :, 2].sum(dim=1)
    support_reward = torch.exp(-((support - 117.7) / 50.0).pow(2))
    drift = torch.sqrt(torch.sum(position[:, :2] ** 2, dim=-1) + 1e-6)
    speed = torch.linalg.norm(linear_velocity, ord=2, dim=-1)

    components = {
        "support": support_reward,
        "drift": -0.3 * drift,
        "speed": -0.5 * speed,
        **{f"energy_{k}": -1e-4 * v for k, v in leg_energy.items()},
        **{f"pose_{k}": -0.05 * v for k, v in leg_pose.items()},
    }
    reward = torch.stack([*components.values()]).sum(0)
    assert reward.shape == (num_envs,)
    return reward, components
