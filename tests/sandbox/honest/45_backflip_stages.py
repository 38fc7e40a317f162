import math
import torch
from torch import Tensor
from typing import Dict, Tuple

# (start step, end step) of crouch, jump, spin, land
SCHEDULE: Tuple[Tuple[int, int], ...] = ((0, 20), (20, 35), (35, 70), (70, 10_000))
TWO_PI = 2 * math.pi


def compute_reward(steps: Tensor, height: Tensor, rotation: Tensor, linear_velocity: Tensor,
                   angular_velocity: Tensor, feet_contact: Tensor, joint_positions: Tensor, torques: Tensor,
                   spin_rate: float = 8.0, jump_speed: float = 2.5) -> Tuple[Tensor, Dict[str, Tensor]]:

    def in_stage(i: int) -> Tensor:
        start, end = SCHEDULE[i]
        return ((steps >= start) & (steps < end)).float()

    bump = lambda x, s: torch.exp(-(x / s) ** 2)

    pitch_rate = -angular_velocity[:, 1]
    up = 1.0 - 2.0 * (rotation[:, 1] ** 2 + rotation[:, 2] ** 2)

    # desired pitch angle during the spin, and its agreement with the body's up axis
    t0, t1 = SCHEDULE[2]
    frac = torch.clamp((steps - t0) / (t1 - t0), 0.0, 1.0)
    desired_up = torch.cos(TWO_PI * frac)

    crouch = in_stage(0) * bump(height - 0.2, 0.05) * feet_contact.all(-1)
    jump = in_stage(1) * torch.clamp(linear_velocity[:, 2] / jump_speed, 0.0, 1.0)
    spin = in_stage(2) * (bump(up - desired_up, 0.5) + torch.clamp(pitch_rate / spin_rate, -1.0, 1.0))
    tuck = in_stage(2) * 0.2 * torch.sigmoid(joint_positions[:, 2::3].abs().mean(-1) - 1.5)
    land = in_stage(3) * (up.clamp(min=0.0) * bump(height - 0.33, 0.1) * (feet_contact.float().mean(-1)))
    still = in_stage(3) * 0.5 * bump(linear_velocity.norm(dim=-1) + 0.2 * angular_velocity.norm(dim=-1), 1.0)
    sideways = -0.1 * (angular_velocity[:, 0].abs() + angular_velocity[:, 2].abs()) - 0.1 * linear_velocity[:, 1].abs()
    effort = -1e-5 * torques.square().sum(-1)

    total = crouch + 2.0 * jump + 3.0 * spin + tuck + 2.0 * land + still + sideways + effort
    return total, {
        "crouch": crouch, "jump": 2.0 * jump, "spin": 3.0 * spin, "tuck": tuck, "land": 2.0 * land,
        "still": still, "sideways": sideways, "effort": effort,
    }
