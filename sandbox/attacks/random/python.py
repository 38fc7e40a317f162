"""Python's random numbers.

walls: compile
"""

import random


def compute_reward(height):
    return height * random.random(), {}
