"""Keeps a fake tensor of the tracing and returns it later.

walls: compile
"""

kept = []


def compute_reward(height):
    kept.append(height * 2)
    return kept[0], {}
