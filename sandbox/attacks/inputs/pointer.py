"""Changes its input through its address.

walls: compile
"""

import ctypes


def compute_reward(height):
    ctypes.memset(height.data_ptr(), 0, 28)
    return height, {}
