"""A total of truth values.

walls: compile verifier training
"""


def compute_reward(height):
    return height > 0, {"x": height > 1}
