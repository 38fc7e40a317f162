"""Writes into other worlds.

walls: compile verifier preflight
"""


def compute_reward(height, steps):
    return torch.zeros_like(height).index_add(0, steps % 4, height), {}
