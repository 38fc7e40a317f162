"""The empty name and names that are no texts.

walls: compile
"""


def compute_reward(height):
    return height, {"": height, None: height, 3: height, ("a",): height, b"x": height}
