"""The fitness itself, step by step: 1 in each control step in which the goal orientation is reached."""

import torch


def compute_reward(object_rotation, goal_rotation):
    # the angle between two rotations is 2 acos |<p, q>|, and at most 0.1 rad when |<p, q>| is at least cos 0.05
    cosine = torch.abs(torch.sum(object_rotation * goal_rotation, dim=-1))
    reached = (cosine >= 0.9987502604).float()
    return reached, {"reached": reached}
