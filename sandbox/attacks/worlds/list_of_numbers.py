"""All numbers by tolist().

walls: compile
"""


def compute_reward(height):
    return height - max(height.tolist()), {}
