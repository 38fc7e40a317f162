"""Sixty-four components of the longest name each.

walls: compile verifier training
"""


def compute_reward(height):
    return height, {f"{'x' * 62}{k:02}": height for k in range(64)}
