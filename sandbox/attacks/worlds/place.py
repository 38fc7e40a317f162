"""The number of the world.

walls: preflight
"""


def compute_reward(height):
    return height + torch.arange(height.shape[0]), {}
