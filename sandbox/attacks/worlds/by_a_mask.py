"""Selects worlds by a mask and takes their mean.

walls: compile preflight
"""


def compute_reward(height, fallen):
    return height - height[~fallen].mean(), {}
