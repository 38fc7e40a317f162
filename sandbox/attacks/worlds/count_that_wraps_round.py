"""A world is read by its number as eight bits, which is another world's from the 128th on.

walls: verifier
"""

import torch


def compute_reward(height):
    own = torch.arange(height.shape[0]).to(torch.int8).long()
    return height[own], {}
