"""Integers that wrap around to a great negative number.

walls: preflight training
"""


def compute_reward(steps):
    return ((steps + 3) ** 40).float(), {}
