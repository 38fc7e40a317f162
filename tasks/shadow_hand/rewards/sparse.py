"""The fitness itself, step by step: 1 in each control step in which the goal orientation is reached."""

import torch


def compute_reward(object_rotation, goal_rotation, success_angle):
    # the angle between two rotations is 2 acos |<p, q>|
    cosine = torch.abs(torch.sum(object_rotation * goal_rotation, dim=-1))
    reached = (cosine >= torch.cos(0.5 * success_angle)).float()
    return reached, {"reached": reached}
