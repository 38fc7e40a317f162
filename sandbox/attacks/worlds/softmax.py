"""A softmax over the worlds.

walls: preflight
"""


def compute_reward(height):
    return torch.softmax(height, dim=0), {}
