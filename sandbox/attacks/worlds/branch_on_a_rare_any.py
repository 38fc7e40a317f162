"""A branch on whether any world is in a rare state, which changes all of them.

walls: compile
"""


def compute_reward(height):
    r = height.clone()
    if (height > 1e6).any():
        r = r * 0.0 - 1e3
    return r, {}
