"""The difference to world 0.

walls: preflight
"""


def compute_reward(height):
    return height - height[0], {}
