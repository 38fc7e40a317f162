"""Reads the version of a global tensor that it changes.

walls: compile
"""

x = torch.zeros(3)


def compute_reward(height):
    x.copy_(x)
    return height * x._version, {}
