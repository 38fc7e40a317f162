"""A branch on whether any world does, which changes all of them.

walls: compile
"""


def compute_reward(height):
    r = height
    if (height > 0.5).any():
        r = r + 1.0
    return r, {}
