"""
Humanoid locomotion reward.

Design goals
------------
1. Track the commanded speed along the heading direction.
2. Keep the torso upright and at a sensible height.
3. Produce a natural alternating gait: exactly one or two feet on the ground.
4. Keep the motion smooth and economical.
5. Strongly discourage falling without making the agent timid.
"""
import math
from typing import Dict, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

# ---------------------------------------------------------------- weights
W_SPEED = 2.0
W_HEADING = 0.75
W_UPRIGHT = 0.6
W_HEIGHT = 0.4
W_GAIT = 0.3
W_SMOOTH = 0.05
W_ENERGY = 0.0008
W_LIMIT = 0.1
ALIVE_BONUS = 0.25
FALL_PENALTY = -5.0

# ---------------------------------------------------------------- targets
NOMINAL_HEIGHT = 0.95
SOFT_LIMIT = 0.9 * math.pi / 2


def _up_vector(quat: Tensor) -> Tensor:
    """Third column of the rotation matrix of a wxyz quaternion."""
    w, x, y, z = quat[..., 0], quat[..., 1], quat[..., 2], quat[..., 3]
    return torch.stack(
        [
            2.0 * (x * z + w * y),
            2.0 * (y * z - w * x),
            1.0 - 2.0 * (x * x + y * y),
        ],
        dim=-1,
    )


def _speed_term(linear_velocity: Tensor, target_speed: Tensor) -> Tensor:
    vx = linear_velocity[:, 0]
    # tolerance grows with the commanded speed
    sigma = 0.15 + 0.1 * target_speed.abs()
    return torch.exp(-0.5 * ((vx - target_speed) / sigma) ** 2)


def _gait_term(feet_contact: Tensor, target_speed: Tensor) -> Tensor:
    n_down = feet_contact.int().sum(dim=-1)
    walking = target_speed > 0.15
    good_walk = (n_down >= 1) & (n_down <= 2)
    good_stand = n_down == feet_contact.shape[-1]
    return torch.where(walking, good_walk.float(), good_stand.float())


def compute_reward(
    linear_velocity: Tensor,
    angular_velocity: Tensor,
    rotation: Tensor,
    height: Tensor,
    heading_error: Tensor,
    target_speed: Tensor,
    joint_positions: Tensor,
    joint_velocities: Tensor,
    torques: Tensor,
    action: Tensor,
    last_action: Tensor,
    feet_contact: Tensor,
    fallen: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    # --- task -----------------------------------------------------------
    speed = W_SPEED * _speed_term(linear_velocity, target_speed)
    heading = W_HEADING * 0.5 * (1.0 + torch.cos(heading_error))

    # --- posture --------------------------------------------------------
    up = _up_vector(rotation)
    upright = W_UPRIGHT * torch.clamp(up[:, 2], min=0.0) ** 2
    height_err = height - NOMINAL_HEIGHT
    # being too low is worse than being too high
    height_term = -W_HEIGHT * torch.where(height_err < 0, 4.0 * height_err.square(), height_err.square())
    wobble = -0.02 * angular_velocity[:, :2].square().sum(dim=-1)

    # --- style ----------------------------------------------------------
    gait = W_GAIT * _gait_term(feet_contact, target_speed)
    smooth = -W_SMOOTH * F.mse_loss(action, last_action, reduction="none").mean(dim=-1)
    energy = -W_ENERGY * (torques * joint_velocities).abs().sum(dim=-1)
    over = F.relu(joint_positions.abs() - SOFT_LIMIT)
    limits = -W_LIMIT * over.sum(dim=-1)

    # --- survival -------------------------------------------------------
    alive = ALIVE_BONUS * torch.logical_not(fallen).to(speed.dtype)

    components: Dict[str, Tensor] = {
        "speed": speed,
        "heading": heading,
        "upright": upright,
        "height": height_term,
        "wobble": wobble,
        "gait": gait,
        "smooth": smooth,
        "energy": energy,
        "limits": limits,
        "alive": alive,
    }

    total = torch.zeros_like(speed)
    for value in components.values():
        total = total + value

    # A fall overrides everything else
    total = total.masked_fill(fallen, FALL_PENALTY)
    components["fall"] = FALL_PENALTY * fallen.float()
    return total, components
