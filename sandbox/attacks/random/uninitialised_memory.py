"""Reads memory that nobody wrote.

walls: compile verifier
"""


def compute_reward(height):
    return height + torch.empty_like(height) + torch.empty(height.shape[0]).nan_to_num(), {}
