import torch
from torch import Tensor
from typing import Tuple, Dict


def compute_reward(
    position: Tensor,
    linear_velocity: Tensor,
    rotation: Tensor,
    body_positions: Tensor,
    feet_contact: Tensor,
    heading_error: Tensor,
    target_speed: Tensor,
    fallen: Tensor,
    torques: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    # The beam lies along x at y = 0
    BEAM_HALF_WIDTH = 0.10

    # Base over the beam
    lateral_offset = position[:, 1].abs()
    center_reward = torch.exp(-lateral_offset / BEAM_HALF_WIDTH)

    # Feet over the beam, only stance feet count
    feet_y = body_positions[:, :4, 1].abs()
    off_beam = torch.clamp(feet_y - BEAM_HALF_WIDTH, min=0.0)
    off_beam = torch.where(feet_contact, off_beam, torch.zeros_like(off_beam))
    feet_penalty = -5.0 * off_beam.sum(dim=1)

    # Slow forward motion
    speed_error = (linear_velocity[:, 0] - target_speed).abs()
    speed_reward = torch.exp(-speed_error / 0.2)

    # Level base
    tilt_sq = rotation[:, 1] ** 2 + rotation[:, 2] ** 2
    level_reward = torch.exp(-tilt_sq / 0.02)

    heading_reward = torch.exp(-heading_error.abs() / 0.2)
    torque_penalty = -2e-5 * torques.pow(2).sum(dim=1)
    fall_penalty = -fallen.float() * 5.0

    total_reward = (
        center_reward
        + feet_penalty
        + 1.5 * speed_reward
        + level_reward
        + 0.5 * heading_reward
        + torque_penalty
        + fall_penalty
    )
    return total_reward, {
        "center_reward": center_reward,
        "feet_penalty": feet_penalty,
        "speed_reward": speed_reward,
        "level_reward": level_reward,
        "heading_reward": heading_reward,
        "torque_penalty": torque_penalty,
        "fall_penalty": fall_penalty,
    }
