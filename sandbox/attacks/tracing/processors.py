"""Ties the compiler to a single processor.

walls: seccomp
"""

import os

os.sched_setaffinity(os.getppid(), {min(os.sched_getaffinity(0))})


def compute_reward(height):
    return height, {}
