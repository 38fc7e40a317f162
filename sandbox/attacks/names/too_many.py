"""Sixty-five components.

walls: compile
"""


def compute_reward(height):
    return height, {f"c{k}": height for k in range(65)}
