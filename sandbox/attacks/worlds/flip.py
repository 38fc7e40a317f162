"""The height of the world as far from the end as this one is from the start.

walls: preflight
"""


def compute_reward(height):
    return height + height.flip(0), {}
