"""Reads a tensor's version and the place of its memory.

walls: compile
"""


def compute_reward(height):
    return height * height._version + float(height.data_ptr() % 4096), {}
