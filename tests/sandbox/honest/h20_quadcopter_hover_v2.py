import torch
import math
from torch import Tensor
from typing import Tuple, Dict


def body_up_axis(q: Tensor) -> Tensor:
    """Third column of the rotation matrix of a wxyz quaternion."""
    w, x, y, z = q[:, 0], q[:, 1], q[:, 2], q[:, 3]
    return torch.stack(
        (
            2.0 * (x * z + w * y),
            2.0 * (y * z - w * x),
            1.0 - 2.0 * (x * x + y * y),
        ),
        dim=1,
    )


def compute_reward(
    position: Tensor,
    goal_position: Tensor,
    rotation: Tensor,
    linear_velocity: Tensor,
    angular_velocity: Tensor,
    action: Tensor,
    last_action: Tensor,
    steps: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    to_goal = goal_position - position
    dist = to_goal.norm(dim=1)

    # (a) Position. Two length scales: the wide one guides from afar, the narrow one pins the drone on the point.
    pos_wide = 1.0 / (1.0 + dist ** 2)
    pos_narrow = torch.exp(-dist / 0.1)

    # (b) Velocity toward goal, only far away; damp velocity near it.
    direction = to_goal / (dist.unsqueeze(1) + 1e-6)
    closing_speed = (linear_velocity * direction).sum(dim=1)
    far = torch.tanh(dist / 0.5)
    approach = far * torch.clamp(closing_speed, -1.0, 1.0)
    damping = -(1.0 - far) * linear_velocity.norm(dim=1)

    # (c) Attitude
    up = body_up_axis(rotation)
    attitude = torch.exp(-(1.0 - up[:, 2]) / 0.2)

    # (d) Rates
    rates = torch.exp(-angular_velocity.pow(2).sum(dim=1) / 4.0)

    # (e) Smooth control
    smooth = -0.02 * (action - last_action).abs().sum(dim=1)

    # (f) Holding: being inside 10 cm late in the episode is worth more
    time_weight = torch.clamp(steps.float() / 250.0, 0.0, 1.0)
    hold = (dist < 0.1).float() * (0.5 + 0.5 * time_weight)

    # (g) Too far: likely a crash
    crash = torch.where((dist > 8.0) | (position[:, 2] < 0.1), -2.0 * torch.ones_like(dist), torch.zeros_like(dist))

    total = (
        1.0 * pos_wide
        + 1.5 * pos_narrow
        + 0.3 * approach
        + 0.2 * damping
        + pos_wide * (0.5 * attitude + 0.3 * rates)
        + smooth
        + hold
        + crash
    )

    parts = {
        "pos_wide": pos_wide,
        "pos_narrow": pos_narrow,
        "approach": approach,
        "damping": damping,
        "attitude": attitude,
        "rates": rates,
        "smooth": smooth,
        "hold": hold,
        "crash": crash,
    }
    return total, parts
