"""Uniform numbers of torch.

walls: compile verifier
"""


def compute_reward(height):
    return height + torch.rand_like(height), {}
