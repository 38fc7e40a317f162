import torch
from typing import Tuple, Dict

def compute_reward(
    linear_velocity: torch.Tensor,
    target_speed: torch.Tensor,
    heading_error: torch.Tensor,
    action: torch.Tensor,
    last_action: torch.Tensor,
    fallen: torch.Tensor,
) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    # Velocity tracking
    vel_error = torch.abs(linear_velocity[:, 0] - target_speed)
    velocity_temperature = 0.25
    velocity_reward = torch.exp(-vel_error / velocity_temperature)

    # Heading tracking
    heading_temperature = 0.5
    heading_reward = torch.exp(-torch.abs(heading_error) / heading_temperature)

    # Smoothness
    smoothness_penalty = torch.mean((action - last_action) ** 2, dim=-1)

    # Alive
    alive_bonus = (~fallen).float()

    w_vel, w_heading, w_smooth, w_alive = 2.0, 0.5, 0.1, 0.2
    total_reward = (
        w_vel * velocity_reward
        + w_heading * heading_reward
        - w_smooth * smoothness_penalty
        + w_alive * alive_bonus
    )

    return total_reward, {
        "velocity_reward": w_vel * velocity_reward,
        "heading_reward": w_heading * heading_reward,
        "smoothness_penalty": -w_smooth * smoothness_penalty,
        "alive_bonus": w_alive * alive_bonus,
    }
