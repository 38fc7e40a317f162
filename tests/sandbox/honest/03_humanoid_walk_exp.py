import torch
from typing import Dict, Tuple


def compute_reward(
    position: torch.Tensor,
    rotation: torch.Tensor,
    linear_velocity: torch.Tensor,
    angular_velocity: torch.Tensor,
    target_speed: torch.Tensor,
    joint_velocities: torch.Tensor,
    torques: torch.Tensor,
    fallen: torch.Tensor,
) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    """
    Reward the humanoid for walking at the commanded speed while staying upright.
    """
    device = position.device

    # 1. speed
    temp_speed = 0.25
    speed_error = linear_velocity[:, 0] - target_speed
    speed_reward = torch.exp(-speed_error.pow(2) / temp_speed)

    # 2. upright: z component of the body's up axis, from the quaternion (w, x, y, z)
    qx, qy = rotation[:, 1], rotation[:, 2]
    up_z = 1.0 - 2.0 * (qx * qx + qy * qy)
    temp_up = 0.1
    upright_reward = torch.exp((up_z - 1.0) / temp_up)

    # 3. don't spin
    temp_spin = 2.0
    spin_reward = torch.exp(-torch.linalg.norm(angular_velocity, dim=1) / temp_spin)

    # 4. energy
    power = (torques * joint_velocities).abs().sum(dim=-1)
    energy_penalty = 1e-4 * power

    # 5. falling
    fall_penalty = torch.where(
        fallen,
        torch.tensor(10.0, device=device),
        torch.tensor(0.0, device=device),
    )

    reward = 2.0 * speed_reward + 1.0 * upright_reward + 0.2 * spin_reward - energy_penalty - fall_penalty

    return reward, {
        "speed_reward": speed_reward,
        "upright_reward": upright_reward,
        "spin_reward": spin_reward,
        "energy_penalty": -energy_penalty,
        "fall_penalty": -fall_penalty,
    }
