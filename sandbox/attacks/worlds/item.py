"""The number of world 0 by item().

walls: compile preflight
"""


def compute_reward(height):
    return height - height[0].item(), {}
