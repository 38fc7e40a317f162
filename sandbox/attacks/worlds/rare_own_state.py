"""A world looks at the others only in a rare state of its own.

walls: preflight
"""


def compute_reward(height):
    return torch.where(height < -6.0, height.mean(), height), {}
