"""A millionth of the mean.

walls: preflight
"""


def compute_reward(height):
    return height + 1e-6 * height.mean(), {}
