import torch
from typing import Tuple, Dict

NUM_JOINTS = 12
NUM_FEET = 4
FOOT_NAMES = ["front_left", "front_right", "rear_left", "rear_right"]
JOINT_WEIGHTS = [1.0, 0.5, 0.5] * 4


def compute_reward(joint_velocities: torch.Tensor,
                   torques: torch.Tensor,
                   contact_forces: torch.Tensor,
                   feet_contact: torch.Tensor,
                   linear_velocity: torch.Tensor,
                   target_speed: torch.Tensor) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    num_envs = linear_velocity.size(0)
    device = linear_velocity.device

    # joint power, hip joints cost more
    power = torch.zeros(num_envs, device=device)
    for j in range(NUM_JOINTS):
        power = power + JOINT_WEIGHTS[j] * torch.abs(torques[:, j] * joint_velocities[:, j])

    # foot impacts
    components = {}
    impact = torch.zeros_like(power)
    for i, name in enumerate(FOOT_NAMES):
        f = torch.norm(contact_forces[:, i, :], p=2, dim=-1)
        excess = torch.clamp(f - 100.0, min=0.0) * feet_contact[:, i]
        components[f"impact_{name}"] = -0.001 * excess
        impact += excess

    diff = linear_velocity[:, 0] - target_speed
    velocity_reward = torch.exp(-4.0 * diff * diff)

    components["velocity_reward"] = velocity_reward
    components["power_penalty"] = -2e-4 * power
    total = velocity_reward - 2e-4 * power - 0.001 * impact
    return total, components
