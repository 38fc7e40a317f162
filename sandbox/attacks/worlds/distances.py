"""Distances between worlds.

walls: preflight
"""


def compute_reward(position):
    return torch.cdist(position, position).mean(-1), {}
