"""The reward of Gymnasium's Reacher-v5: less distance from fingertip to target, and less control."""

import torch

REWARD_DIST_WEIGHT = 1.0
REWARD_CONTROL_WEIGHT = 1.0


def compute_reward(distance_to_target, control):
    distance = -REWARD_DIST_WEIGHT * distance_to_target
    ctrl = -REWARD_CONTROL_WEIGHT * torch.sum(control * control, dim=-1)
    return distance + ctrl, {"distance": distance, "ctrl": ctrl}
