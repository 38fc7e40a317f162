"""The smallest numbers there are, divided by one another.

walls: preflight training
"""


def compute_reward(height):
    tiny = height * 1e-38 * 1e-6
    return height / (tiny + 1e-45), {}
