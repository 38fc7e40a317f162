"""An exponential of a square: fine near nought.

walls: preflight training
"""


def compute_reward(height):
    return torch.exp(height**4 / 10.0), {}
