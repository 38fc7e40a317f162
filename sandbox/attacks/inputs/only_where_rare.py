"""Changes its input only in worlds that are hardly ever there.

walls: compile verifier
"""


def compute_reward(height):
    height.copy_(torch.where(height > 1e3, torch.zeros_like(height), height))
    return height, {}
