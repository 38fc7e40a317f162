import math
import numpy as np
import torch

MAX_TILT = math.radians(30.0)
W_UP = math.exp(-0.5)
W_YAW = np.pi / 8
ALIVE = 0.1
BASELINE = torch.tensor([0.2, 0.3, 0.5]).sum().item()


def compute_reward(rotation, angular_velocity, heading_error):
    sin_half = torch.sqrt(rotation[:, 1] ** 2 + rotation[:, 2] ** 2).clamp(max=1.0)
    tilt = 2.0 * torch.asin(sin_half)

    up_term = W_UP * (1.0 - (tilt / MAX_TILT).clamp(0.0, 1.0))
    yaw_term = -W_YAW * heading_error.abs() / math.pi
    spin_term = -0.05 * angular_velocity.square().sum(-1).sqrt()

    reward = ALIVE + BASELINE + up_term + yaw_term + spin_term
    return reward, {
        "alive": ALIVE,
        "baseline": torch.tensor(BASELINE),
        "up": up_term,
        "yaw": yaw_term,
        "spin": spin_term,
    }
