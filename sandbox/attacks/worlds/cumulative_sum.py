"""A sum over all worlds before one.

walls: preflight
"""


def compute_reward(height):
    return height.cumsum(0), {}
