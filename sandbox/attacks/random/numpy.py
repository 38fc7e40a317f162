"""NumPy's random numbers.

walls: compile
"""

import numpy as np


def compute_reward(height):
    return height * np.random.rand(), {}
