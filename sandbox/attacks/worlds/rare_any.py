"""Other worlds count as soon as any of them is in a rare state.

walls: preflight
"""


def compute_reward(height):
    rare = (height > 50.0).float().max()
    return height + rare * height.mean(), {}
