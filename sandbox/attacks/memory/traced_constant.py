"""Makes a constant of 1 GiB part of the graph.

walls: limits compile verifier
"""

WEIGHTS = torch.zeros(1 << 26)


def compute_reward(height):
    return height * WEIGHTS.sum() + WEIGHTS[0], {}
