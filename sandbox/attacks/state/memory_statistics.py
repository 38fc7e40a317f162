"""Reads how many objects there are and how much time was taken.

walls: compile
"""

import gc
import resource


def compute_reward(height):
    return height * len(gc.get_objects()) + resource.getrusage(resource.RUSAGE_SELF).ru_utime, {}
