import torch
from torch import Tensor
from typing import Tuple, Dict

def compute_reward(
    position: Tensor,
    goal_position: Tensor,
    linear_velocity: Tensor,
    angular_velocity: Tensor,
    rotation: Tensor,
    heading_error: Tensor,
    joint_positions: Tensor,
    joint_velocities: Tensor,
    torques: Tensor,
    action: Tensor,
    last_action: Tensor,
    height: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    # Unit vector toward the goal, in the horizontal plane
    to_target = goal_position - position
    to_target = torch.cat([to_target[:, :2], torch.zeros_like(to_target[:, 2:3])], dim=-1)
    dist_to_target = torch.norm(to_target, dim=-1, keepdim=True)
    target_dir = to_target / torch.clamp(dist_to_target, min=1e-6)

    # Speed along the direction to the target
    speed_along = torch.sum(linear_velocity * target_dir, dim=-1)
    # Squared for v > 1 to reward higher speeds more strongly than in the last iteration
    speed_reward = torch.where(speed_along > 1.0, speed_along ** 2, speed_along)
    speed_reward = torch.clamp(speed_reward, min=-2.0, max=64.0)

    # Deviation
    lateral_velocity = linear_velocity[:, :2] - speed_along.unsqueeze(-1) * target_dir[:, :2]
    lateral_temp = 1.0
    straight_reward = torch.exp(-torch.norm(lateral_velocity, dim=-1) / lateral_temp)

    # Heading
    heading_temp = 0.4
    heading_reward = torch.exp(-heading_error ** 2 / heading_temp)

    # Upright
    up = 1 - 2 * (rotation[:, 1] ** 2 + rotation[:, 2] ** 2)
    upright_reward = (up > 0.93).float() * 0.5

    # Stability
    stability_temp = 5.0
    stability_reward = torch.exp(-torch.norm(angular_velocity, dim=-1) / stability_temp)

    # Joint limits
    joint_limit = 1.2
    scaled = torch.abs(joint_positions) / joint_limit
    at_limit_cost = 0.1 * torch.sum((scaled > 0.99).float(), dim=-1)

    # Electricity and action costs
    electricity_cost = 0.0005 * torch.sum(torch.abs(torques * joint_velocities), dim=-1)
    action_cost = 0.005 * torch.sum(action ** 2, dim=-1)
    action_rate_cost = 0.01 * torch.sum((action - last_action) ** 2, dim=-1)

    total_reward = (
        speed_reward
        + 0.5 * straight_reward
        + 0.5 * heading_reward
        + upright_reward
        + 0.2 * stability_reward
        - at_limit_cost
        - electricity_cost
        - action_cost
        - action_rate_cost
    )

    # Too low: override
    total_reward = torch.where(height < 0.31, torch.ones_like(total_reward) * -2.0, total_reward)

    return total_reward, {
        "speed_reward": speed_reward,
        "straight_reward": straight_reward,
        "heading_reward": heading_reward,
        "upright_reward": upright_reward,
        "stability_reward": stability_reward,
        "at_limit_cost": -at_limit_cost,
        "electricity_cost": -electricity_cost,
        "action_cost": -action_cost,
        "action_rate_cost": -action_rate_cost,
    }
