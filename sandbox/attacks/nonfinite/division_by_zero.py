"""Divides by nought.

walls: preflight
"""


def compute_reward(height):
    return height / (height * 0.0), {}
