"""Random numbers that are drawn in place.

walls: compile verifier
"""


def compute_reward(height):
    return torch.zeros_like(height).uniform_() + torch.zeros_like(height).normal_().exponential_(), {}
