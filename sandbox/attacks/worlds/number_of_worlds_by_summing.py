"""The number of worlds from a sum of ones.

walls: preflight
"""


def compute_reward(height):
    return height * torch.ones_like(height).sum(), {}
