"""A reward that depends on how many worlds there are.

walls: compile verifier
"""


def compute_reward(height):
    return height * height.shape[0], {}
