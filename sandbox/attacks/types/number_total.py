"""Numbers of every kind in the place of a total.

walls: compile
"""


def compute_reward(height):
    return 1.0, {}
