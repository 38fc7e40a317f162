"""Compares with other worlds in random order.

walls: compile verifier
"""


def compute_reward(height):
    return height - height[torch.randperm(height.shape[0])], {}
