"""Components that are numbers too large or none at all.

walls: compile training
"""


def compute_reward(height):
    return height, {"a": 10**400, "b": float("nan"), "c": True, "d": 1e308}
