"""A reshape that puts numbers of one world into another.

walls: preflight
"""


def compute_reward(position):
    return position.permute(1, 0).reshape(-1, 3).sum(-1), {}
