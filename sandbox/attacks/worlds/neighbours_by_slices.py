"""Neighbours by slices and cat.

walls: preflight
"""


def compute_reward(height):
    return height + torch.cat([height[1:], height[:1]]), {}
