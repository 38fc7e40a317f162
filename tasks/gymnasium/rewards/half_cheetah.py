"""The reward of Gymnasium's HalfCheetah-v5: forward speed, less a cost of control."""

import torch

FORWARD_REWARD_WEIGHT = 1.0
CTRL_COST_WEIGHT = 0.1


def compute_reward(x_velocity, control):
    forward = FORWARD_REWARD_WEIGHT * x_velocity
    ctrl = -CTRL_COST_WEIGHT * torch.sum(control * control, dim=-1)
    return forward + ctrl, {"forward": forward, "ctrl": ctrl}
