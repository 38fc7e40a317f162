"""Divides by the greatest of all worlds.

walls: preflight
"""


def compute_reward(height):
    return height / height.abs().max(), {}
