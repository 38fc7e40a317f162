"""Infinite in rare states.

walls: preflight training
"""


def compute_reward(height):
    return torch.where(height > 30.0, torch.inf, height), {}
