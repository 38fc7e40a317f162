import torch
from typing import Tuple, Dict

def compute_reward(
    object_position: torch.Tensor,
    object_rotation: torch.Tensor,
    goal_rotation: torch.Tensor,
    fingertip_positions: torch.Tensor,
    goals_reached: torch.Tensor,
    joint_velocities: torch.Tensor,
) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    # Define the temperatures
    orientation_temperature = 0.5
    distance_temperature = 0.1

    # Compute the orientation error
    # Normalize quaternions in case they are not unit
    object_rotation = object_rotation / torch.norm(object_rotation, dim=-1, keepdim=True)
    goal_rotation = goal_rotation / torch.norm(goal_rotation, dim=-1, keepdim=True)
    orientation_error = 1.0 - torch.abs(torch.sum(object_rotation * goal_rotation, dim=-1))

    # Compute the orientation reward
    orientation_reward = torch.exp(-orientation_error / orientation_temperature)

    # Compute the distance from the fingertips to the object
    fingertip_distance = torch.mean(torch.norm(fingertip_positions - object_position[:, None, :], dim=-1), dim=-1)
    distance_reward = torch.exp(-fingertip_distance / distance_temperature)

    # Compute the goal bonus
    goal_bonus = goals_reached.float()

    # Compute the velocity penalty
    velocity_penalty = -0.001 * torch.sum(joint_velocities ** 2, dim=-1)

    # Compute the total reward
    total_reward = 2.0 * orientation_reward + 0.5 * distance_reward + 0.1 * goal_bonus + velocity_penalty

    # Return the total reward and the individual components
    reward_components = {
        "orientation_reward": orientation_reward,
        "distance_reward": distance_reward,
        "goal_bonus": goal_bonus,
        "velocity_penalty": velocity_penalty,
    }

    return total_reward, reward_components
