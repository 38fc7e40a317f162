import torch
from torch import Tensor
from typing import Tuple, Dict


def compute_reward(
    linear_velocity: Tensor,
    rotation: Tensor,
    height: Tensor,
    heading_error: Tensor,
    torques: Tensor,
    joint_velocities: Tensor,
    fallen: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    # Changes from the previous version:
    #  - velocity reward was saturating (max 0.98 from the 3rd epoch): made linear, removed exp
    #  - upright reward had near zero variance: narrower temperature and multiplied into velocity
    #  - energy penalty dominated: scaled down 10x

    # Velocity (linear)
    forward_vel = linear_velocity[:, 0]
    velocity_reward = forward_vel * 1.5

    # Upright, as a multiplier
    up_proj = 1.0 - 2.0 * (rotation[:, 1].square() + rotation[:, 2].square())
    upright_temp: float = 0.1
    upright_factor = torch.exp((up_proj - 1.0) / upright_temp)

    # Combined
    run_reward = torch.where(velocity_reward > 0.0, velocity_reward * (0.3 + 0.7 * upright_factor), velocity_reward)

    # Heading
    heading_temp: float = 0.5
    heading_reward = 0.5 * torch.exp(-torch.abs(heading_error) / heading_temp)

    # Height
    height_bonus = 0.5 * torch.sigmoid((height - 0.9) * 10.0)

    # Energy
    energy = torch.sum(torch.abs(torques * joint_velocities), dim=-1)
    energy_penalty = -0.00005 * energy

    # Fall
    fall_penalty = torch.where(fallen, torch.full_like(height, -2.0), torch.zeros_like(height))

    total_reward = run_reward + heading_reward + height_bonus + energy_penalty + fall_penalty

    reward_components: Dict[str, Tensor] = {
        "run_reward": run_reward,
        "upright_factor": upright_factor,
        "heading_reward": heading_reward,
        "height_bonus": height_bonus,
        "energy_penalty": energy_penalty,
        "fall_penalty": fall_penalty,
    }
    return total_reward, reward_components
