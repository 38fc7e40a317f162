"""A component that is one number, made of all worlds.

walls: preflight
"""


def compute_reward(height):
    return height, {"mean": height.mean()}
