"""Changes its input through its storage.

walls: compile
"""


def compute_reward(height):
    height.untyped_storage().fill_(0)
    return height, {}
