import torch
from typing import Tuple, Dict


def quat_rotate(q: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Rotate vector v by quaternion q (w, x, y, z)."""
    q_w = q[:, 0:1]
    q_vec = q[:, 1:]
    a = v * (2.0 * q_w ** 2 - 1.0)
    b = torch.cross(q_vec, v, dim=-1) * q_w * 2.0
    c = q_vec * torch.sum(q_vec * v, dim=-1, keepdim=True) * 2.0
    return a + b + c


def compute_reward(
    linear_velocity: torch.Tensor,
    angular_velocity: torch.Tensor,
    rotation: torch.Tensor,
    height: torch.Tensor,
    heading_error: torch.Tensor,
    joint_velocities: torch.Tensor,
    torques: torch.Tensor,
    action: torch.Tensor,
    last_action: torch.Tensor,
    fallen: torch.Tensor,
) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    """Reward for making the humanoid run as fast as possible along +x."""

    # ------------------------------------------------------------------
    # Forward speed: the main objective
    # ------------------------------------------------------------------
    forward_speed = linear_velocity[:, 0]
    speed_reward = 2.0 * torch.clamp(forward_speed, min=-1.0, max=10.0)

    # ------------------------------------------------------------------
    # Heading alignment
    # ------------------------------------------------------------------
    heading_temperature = 0.3
    heading_reward = 0.5 * torch.exp(-heading_error.abs() / heading_temperature)

    # ------------------------------------------------------------------
    # Upright posture
    # ------------------------------------------------------------------
    up = torch.zeros_like(linear_velocity)
    up[:, 2] = 1.0
    torso_up = quat_rotate(rotation, up)
    upright_temperature = 0.2
    upright_reward = 0.5 * torch.exp(-(1.0 - torso_up[:, 2]) / upright_temperature)

    # ------------------------------------------------------------------
    # Height
    # ------------------------------------------------------------------
    target_height = 1.3
    height_temperature = 0.1
    height_reward = 0.3 * torch.exp(-torch.square(height - target_height) / height_temperature)

    # ------------------------------------------------------------------
    # Penalties
    # ------------------------------------------------------------------
    lateral_penalty = -0.2 * torch.abs(linear_velocity[:, 1])
    spin_penalty = -0.05 * torch.sum(torch.square(angular_velocity), dim=-1)
    energy_penalty = -0.0005 * torch.sum(torch.abs(torques * joint_velocities), dim=-1)
    smoothness_penalty = -0.02 * torch.sum(torch.square(action - last_action), dim=-1)

    # Survive
    alive_reward = torch.where(fallen, torch.full_like(height, -5.0), torch.full_like(height, 0.5))

    total_reward = (
        speed_reward
        + heading_reward
        + upright_reward
        + height_reward
        + lateral_penalty
        + spin_penalty
        + energy_penalty
        + smoothness_penalty
        + alive_reward
    )

    return total_reward, {
        "speed_reward": speed_reward,
        "heading_reward": heading_reward,
        "upright_reward": upright_reward,
        "height_reward": height_reward,
        "lateral_penalty": lateral_penalty,
        "spin_penalty": spin_penalty,
        "energy_penalty": energy_penalty,
        "smoothness_penalty": smoothness_penalty,
        "alive_reward": alive_reward,
    }
