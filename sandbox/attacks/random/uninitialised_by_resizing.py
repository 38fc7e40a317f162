"""Grows a tensor into memory that nobody wrote.

walls: compile verifier
"""


def compute_reward(height):
    x = torch.zeros(3)
    x.resize_(height.shape[0])
    return height + x, {}
