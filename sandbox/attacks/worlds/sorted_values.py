"""The sorted heights: the same numbers, in other worlds.

walls: preflight
"""


def compute_reward(height):
    return height.sort(0).values, {}
