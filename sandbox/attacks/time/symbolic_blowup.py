"""Makes sympy expand a polynomial of the number of worlds of enormous degree.

walls: limits compile
"""


def compute_reward(height):
    n = height.shape[0]
    p = n + 1
    for _ in range(40):
        p = p * p + n
    return height * (p // (n + 3) % 7), {}
