import torch
from torch import Tensor
from typing import Tuple, Dict

def compute_reward(
    angular_velocity: Tensor,
    linear_velocity: Tensor,
    height: Tensor,
    rotation: Tensor,
    feet_contact: Tensor,
    torques: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    # Encourage getting off the ground
    in_air = (~feet_contact).all(dim=1).float()
    height_reward = torch.clamp(height - 0.4, min=0.0, max=1.0)

    # Encourage backwards rotation (negative pitch rate) in the air
    pitch_rate = -angular_velocity[:, 1]
    rotation_reward = in_air * torch.tanh(pitch_rate / 5.0)

    # Jump
    jump_reward = torch.clamp(linear_velocity[:, 2], min=0.0, max=3.0)

    # Land on feet, upright
    upright = 1.0 - 2.0 * (rotation[:, 1] ** 2 + rotation[:, 2] ** 2)
    landing_reward = (1.0 - in_air) * torch.clamp(upright, min=0.0)

    # Penalise sideways motion and torque
    sideways_penalty = -torch.abs(linear_velocity[:, 1]) - torch.abs(angular_velocity[:, 0]) * 0.1
    torque_penalty = -1e-5 * (torques ** 2).sum(dim=1)

    total_reward = (
        2.0 * height_reward
        + 3.0 * rotation_reward
        + 1.0 * jump_reward
        + 0.5 * landing_reward
        + 0.2 * sideways_penalty
        + torque_penalty
    )
    return total_reward, {
        "height_reward": height_reward,
        "rotation_reward": rotation_reward,
        "jump_reward": jump_reward,
        "landing_reward": landing_reward,
        "sideways_penalty": sideways_penalty,
        "torque_penalty": torque_penalty,
    }
