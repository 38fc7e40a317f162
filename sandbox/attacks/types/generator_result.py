"""A generator in the place of a result.

walls: compile
"""


def compute_reward(height):
    yield height
    yield {}
