"""Adds to a global tensor in place at each call.

walls: compile verifier
"""

total = torch.zeros(())


def compute_reward(height):
    total.add_(1.0)
    return height + total, {}
