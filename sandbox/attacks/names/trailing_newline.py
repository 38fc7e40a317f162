"""A good name with a line break behind it, which a pattern's dollar sign lets pass.

walls: compile
"""


def compute_reward(height):
    return height, {"speed\n": height}
