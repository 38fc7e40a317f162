"""The mean beside a constant so large that the tolerance of a comparison hides it.

walls: preflight
"""


def compute_reward(height):
    return 1e5 + height + height.mean(), {}
