"""Huge parts that cancel each other but for the rounding.

walls: preflight training
"""


def compute_reward(height):
    return (height + 1e20) - 1e20 + height * 1e9, {"huge": height * 1e30}
