"""A counter written in C.

walls: compile
"""

import itertools

counter = itertools.count()


def compute_reward(height):
    return height * next(counter), {}
