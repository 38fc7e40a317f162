"""Overflows in half precision and is infinite as float32.

walls: preflight training
"""


def compute_reward(height):
    return (height.half() * 1000 + 100).pow(2).float(), {}
