"""A logarithm of what is below nought only in rare states.

walls: preflight training
"""


def compute_reward(height):
    return torch.log(height + 25.0), {}
