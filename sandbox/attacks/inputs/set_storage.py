"""Gives its input another memory.

walls: compile verifier
"""


def compute_reward(height):
    height.set_(torch.zeros(7))
    return height, {}
