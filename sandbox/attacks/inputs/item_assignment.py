"""Assigns to items and to masks of its input.

walls: compile verifier
"""


def compute_reward(height, fallen):
    height[fallen] = -1.0
    return height, {}
