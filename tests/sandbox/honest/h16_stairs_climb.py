import torch
from typing import Tuple, Dict


def compute_reward(
    position: torch.Tensor,
    linear_velocity: torch.Tensor,
    angular_velocity: torch.Tensor,
    rotation: torch.Tensor,
    height: torch.Tensor,
    heading_error: torch.Tensor,
    target_speed: torch.Tensor,
    body_positions: torch.Tensor,
    contact_forces: torch.Tensor,
    feet_contact: torch.Tensor,
    torques: torch.Tensor,
    joint_velocities: torch.Tensor,
    action: torch.Tensor,
    last_action: torch.Tensor,
    fallen: torch.Tensor,
) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    # Forward progress: capped at the commanded speed so the robot is not pushed to jump up the stairs
    vx = linear_velocity[:, 0]
    progress = torch.minimum(vx, target_speed)

    # Climbing: reward upward velocity, but only while moving forward
    vz = linear_velocity[:, 2]
    climb = torch.clamp(vz, 0.0, 0.5) * (vx > 0.05).float()

    # Heading
    heading = torch.exp(-torch.square(heading_error) / 0.1)

    # Stability. Some pitch is needed on stairs: penalise roll more
    w, x, y, z = torch.unbind(rotation, dim=-1)
    roll = torch.atan2(2 * (w * x + y * z), 1 - 2 * (x ** 2 + y ** 2))
    sin_pitch = torch.clamp(2 * (w * y - x * z), -1.0, 1.0)
    pitch = torch.asin(sin_pitch)
    excess_pitch = torch.relu(torch.abs(pitch) - 0.5)
    stability = -1.0 * roll ** 2 - 0.5 * excess_pitch ** 2

    # Foot clearance: feet in swing should be lifted relative to the base
    feet_z = body_positions[:, :4, 2] - position[:, 2:3]
    swing = (~feet_contact).float()
    clearance_target = -0.15
    clearance_error = torch.square(feet_z - clearance_target) * swing
    clearance = torch.exp(-clearance_error.sum(dim=-1) / 0.05)

    # Stumbling: horizontal forces against the riser
    horizontal = torch.linalg.norm(contact_forces[..., :2], dim=-1)
    vertical = contact_forces[..., 2].abs()
    stumble = -((horizontal > 4.0 * vertical) & feet_contact).float().sum(dim=-1)

    # Height above ground
    height_term = -torch.square(torch.clamp(0.3 - height, min=0.0)) * 20.0

    power = -0.0002 * (torques * joint_velocities).abs().sum(dim=-1)
    rate = -0.01 * (action - last_action).pow(2).sum(dim=-1)
    wobble = -0.02 * angular_velocity[:, :2].pow(2).sum(dim=-1)
    fall = torch.where(fallen, -10.0, 0.0)

    total = (
        2.0 * progress
        + 1.5 * climb
        + 0.5 * heading
        + stability
        + 0.4 * clearance
        + 0.3 * stumble
        + height_term
        + power
        + rate
        + wobble
        + fall
    )
    return total, {
        "progress": progress,
        "climb": climb,
        "heading": heading,
        "stability": stability,
        "clearance": clearance,
        "stumble": stumble,
        "height": height_term,
        "power": power,
        "action_rate": rate,
        "wobble": wobble,
        "fall": fall,
    }
