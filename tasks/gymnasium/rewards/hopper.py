"""The reward of Gymnasium's Hopper-v5: forward speed and a bonus while healthy, less a cost of control."""

import torch

FORWARD_REWARD_WEIGHT = 1.0
HEALTHY_REWARD = 1.0
CTRL_COST_WEIGHT = 1e-3


def compute_reward(x_velocity, is_healthy, control):
    forward = FORWARD_REWARD_WEIGHT * x_velocity
    survive = HEALTHY_REWARD * is_healthy
    ctrl = -CTRL_COST_WEIGHT * torch.sum(control * control, dim=-1)
    return forward + survive + ctrl, {"forward": forward, "survive": survive, "ctrl": ctrl}
