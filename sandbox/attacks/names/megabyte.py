"""A name of a megabyte.

walls: compile
"""


def compute_reward(height):
    return height, {"x" * (1 << 20): height}
