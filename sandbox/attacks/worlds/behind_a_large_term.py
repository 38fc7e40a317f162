"""A large term of its own state, beside which the others' share is within a tolerance.

walls: preflight
"""


def compute_reward(height, position):
    large = 1e6 * (position.abs().sum(-1) + 1.0)
    return large + 10.0 * height.mean(), {}
