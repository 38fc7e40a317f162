"""Counts its calls in a list that is a default argument.

walls: compile
"""


def compute_reward(height, calls=[]):
    calls.append(1)
    return height * len(calls), {}
