"""Asks sympy thousands of hard questions about the number of worlds.

walls: limits compile
"""


def compute_reward(height):
    n = height.shape[0]
    y = height
    for k in range(2, 4000):
        if (n * n * k + 3) % (k + 1) == (n**3 // k) % 5:
            y = y + k
    return y, {}
