"""The difference to the middle world, by the sum of comparisons with all.

walls: preflight
"""


def compute_reward(height):
    return (height.unsqueeze(0) < height.unsqueeze(1)).float().mean(-1), {}
