"""Reads the address of an object.

walls: compile
"""


def compute_reward(height):
    return height * float(id(object()) % 1000) + id(height) % 7, {}
