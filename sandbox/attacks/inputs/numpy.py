"""Changes its input through a NumPy array of the same memory.

walls: compile
"""


def compute_reward(height):
    height.numpy()[:] = 0.0
    return height, {}
