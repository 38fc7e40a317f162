import torch
from torch import Tensor
from typing import Tuple, Dict


@torch.jit.script
def compute_humanoid_reward(
    linear_velocity,
    heading_error,
    rotation,
    action,
    joint_positions,
    joint_velocities,
    torques,
    height,
    up_weight,
    heading_weight,
    termination_height,
    death_cost,
):
    # type: (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, float, float, float, float) -> Tuple[Tensor, Dict[str, Tensor]]

    # heading
    heading_proj = torch.cos(heading_error)
    heading_weight_tensor = torch.ones_like(heading_proj) * heading_weight
    heading_reward = torch.where(heading_proj > 0.8, heading_weight_tensor, heading_weight * heading_proj / 0.8)

    # up
    up_vec = 1.0 - 2.0 * (rotation[:, 1] * rotation[:, 1] + rotation[:, 2] * rotation[:, 2])
    up_reward = torch.zeros_like(heading_reward)
    up_reward = torch.where(up_vec > 0.93, up_reward + up_weight, up_reward)

    actions_cost = torch.sum(action ** 2, dim=-1)

    # joint limits
    scaled_cost = 0.25 * (torch.abs(joint_positions) - 0.98) / 0.02
    at_limit = torch.abs(joint_positions) > 0.98
    dof_at_limit_cost = torch.sum(at_limit.float() * scaled_cost, dim=-1)

    electricity_cost = torch.sum(torch.abs(action * joint_velocities), dim=-1)
    torque_cost = torch.sum(torch.abs(torques), dim=-1)

    alive_reward = torch.ones_like(heading_reward) * 2.0
    progress_reward = linear_velocity[:, 0]

    total_reward = progress_reward + alive_reward + up_reward + heading_reward \
        - 0.01 * actions_cost - 0.05 * electricity_cost - 0.25 * dof_at_limit_cost - 1e-4 * torque_cost

    # adjust reward for fallen agents
    total_reward = torch.where(height < termination_height, torch.ones_like(total_reward) * death_cost, total_reward)

    return total_reward, {
        "progress": progress_reward,
        "alive": alive_reward,
        "up": up_reward,
        "heading": heading_reward,
        "actions_cost": -0.01 * actions_cost,
        "electricity_cost": -0.05 * electricity_cost,
        "dof_at_limit_cost": -0.25 * dof_at_limit_cost,
        "torque_cost": -1e-4 * torque_cost,
    }


def compute_reward(linear_velocity, heading_error, rotation, action, joint_positions, joint_velocities,
                   torques, height) -> Tuple[Tensor, Dict[str, Tensor]]:
    return compute_humanoid_reward(
        linear_velocity, heading_error, rotation, action, joint_positions, joint_velocities, torques, height,
        0.1, 0.5, 0.8, -2.0,
    )
