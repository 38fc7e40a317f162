"""Leaves work for the end of its process.

walls: compile
control: no, because a child ends without Python's own ending
"""

import atexit

atexit.register(lambda: breach("it ran after its end"))


def compute_reward(height):
    return height, {}
