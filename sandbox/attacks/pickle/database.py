"""Keeps values for later candidates in a file.

walls: seccomp landlock
"""

import shelve

shelve.open(f"{VICTIM}/{MARK}")


def compute_reward(height):
    return height, {}
