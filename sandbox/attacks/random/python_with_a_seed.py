"""Python's random numbers with a fixed seed at each loading, so that two loadings agree.

walls: compile
"""

import random

chance = random.Random(0)


def compute_reward(height):
    return height * chance.random(), {}
