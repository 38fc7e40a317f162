"""A single number for all worlds.

walls: preflight
"""


def compute_reward(height):
    return height.mean().expand(height.shape[0]), {}
