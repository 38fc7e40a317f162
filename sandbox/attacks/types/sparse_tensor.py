"""A sparse tensor.

walls: compile verifier
"""


def compute_reward(height):
    return height.to_sparse(), {}
