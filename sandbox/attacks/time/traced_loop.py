"""Traces a million operations.

walls: limits
"""


def compute_reward(height):
    x = height
    for k in range(1_000_000):
        x = x + k
    return x, {}
