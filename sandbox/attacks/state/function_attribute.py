"""Keeps the previous state in an attribute of itself.

walls: compile
"""


def compute_reward(height):
    last = getattr(compute_reward, "last", height)
    compute_reward.last = height.clone()
    return height - last, {}
