"""The neighbour's height.

walls: preflight
"""


def compute_reward(height):
    return height + 0.1 * height.roll(1, 0), {}
