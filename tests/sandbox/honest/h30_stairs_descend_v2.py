from typing import Tuple, Dict

import torch
from torch import Tensor

# reward weights
WEIGHTS = {
    "track_speed": 2.0,
    "heading": 0.5,
    "descend": 0.5,
    "soft_landing": 0.5,
    "upright": 1.0,
    "foot_support": 0.3,
    "orientation_rate": -0.05,
    "torque": -1e-5,
    "action_rate": -0.01,
    "fall": -5.0,
}


def compute_reward(
    linear_velocity: Tensor,
    angular_velocity: Tensor,
    rotation: Tensor,
    height: Tensor,
    heading_error: Tensor,
    target_speed: Tensor,
    contact_forces: Tensor,
    feet_contact: Tensor,
    torques: Tensor,
    action: Tensor,
    last_action: Tensor,
    fallen: Tensor,
    steps: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    raw: Dict[str, Tensor] = {}

    # target speed is eased in during the first second so the robot doesn't leap off the first step
    ease = torch.clamp(steps.float() / 50.0, max=1.0)
    desired = target_speed * ease
    raw["track_speed"] = torch.exp(-torch.square(linear_velocity[:, 0] - desired) / 0.15)

    raw["heading"] = torch.exp(-torch.abs(heading_error) / 0.3)

    # going down in a controlled way: between 0 and -0.4 m/s is fine, faster isn't
    vz = linear_velocity[:, 2]
    raw["descend"] = torch.where(vz < -0.4, torch.exp(-(vz + 0.4).abs() / 0.2), torch.ones_like(vz)) * (vz < 0.0).float()

    # soft landing
    peak = contact_forces.norm(dim=-1).amax(dim=-1)
    raw["soft_landing"] = torch.exp(-torch.relu(peak - 150.0) / 100.0)

    # upright
    up_z = 1.0 - 2.0 * (rotation[:, 1] ** 2 + rotation[:, 2] ** 2)
    raw["upright"] = torch.exp(-(1.0 - up_z) / 0.1)

    # at least two feet on the ground at a time
    raw["foot_support"] = (feet_contact.sum(dim=-1) >= 2).float()

    raw["orientation_rate"] = angular_velocity[:, :2].pow(2).sum(dim=-1)
    raw["torque"] = torques.pow(2).sum(dim=-1)
    raw["action_rate"] = (action - last_action).pow(2).sum(dim=-1)
    raw["fall"] = (fallen | (height < 0.12)).float()

    components = {name: WEIGHTS[name] * value for name, value in raw.items()}
    total = torch.stack(tuple(components.values()), dim=-1).sum(dim=-1)
    return total, components
