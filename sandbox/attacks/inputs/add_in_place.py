"""Adds to its input in place.

walls: compile verifier
"""


def compute_reward(height):
    height += 1.0
    return height, {}
