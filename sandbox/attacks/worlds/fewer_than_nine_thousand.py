"""A term that is a sum over as many entries as worlds are missing to nine thousand.

walls: verifier
"""

import torch


def compute_reward(height):
    return height + torch.ones(9000 - height.shape[0]).sum(), {}
