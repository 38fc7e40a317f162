"""Just below the bound of what counts as exploded.

walls: verifier training
"""


def compute_reward(height):
    return torch.tanh(height) * 9.9e9, {}
