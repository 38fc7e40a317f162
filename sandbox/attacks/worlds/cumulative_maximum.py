"""The greatest of all worlds before one.

walls: compile verifier preflight
"""


def compute_reward(height):
    return torch.cummax(height, 0).values, {}
