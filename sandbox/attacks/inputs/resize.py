"""Resizes its input.

walls: compile verifier
"""


def compute_reward(height):
    height.resize_(1_000_000)
    return height[:7], {}
