"""Draws from a distribution that depends on the state.

walls: compile verifier
"""


def compute_reward(height):
    return torch.bernoulli(torch.sigmoid(height)) + torch.poisson(height.abs()), {}
