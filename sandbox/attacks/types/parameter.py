"""A parameter that wants gradients, and an optimiser's step on it at each call.

walls: compile verifier
"""

W = torch.nn.Parameter(torch.ones(()))


def compute_reward(height):
    with torch.no_grad():
        W.add_(1.0)
    return height * W, {}
