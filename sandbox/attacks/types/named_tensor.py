"""A tensor with named dimensions.

walls: compile verifier
"""


def compute_reward(height):
    return height.rename("N"), {}
