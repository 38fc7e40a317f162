"""A share of the others that grows with the cube of the state.

walls: preflight
"""


def compute_reward(height):
    return height + 1e-7 * (height**3 * 1e-2).sum() ** 3, {}
