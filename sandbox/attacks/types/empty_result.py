"""A total without any world in it.

walls: compile verifier
"""


def compute_reward(height):
    return height[:0], {}
