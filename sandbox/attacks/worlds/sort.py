"""The rank among all worlds.

walls: preflight
"""


def compute_reward(height):
    return height.argsort(0).argsort(0).float(), {}
