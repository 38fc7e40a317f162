"""Compares with the mean over all worlds.

walls: preflight
"""


def compute_reward(height):
    return height - height.mean(), {}
