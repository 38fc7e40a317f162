"""Assigns to a mask of a column of its input.

walls: compile verifier
"""


def compute_reward(position, fallen):
    position[fallen, 0] = 100.0
    position[:, 1][fallen] = 100.0
    return position.sum(-1), {}
