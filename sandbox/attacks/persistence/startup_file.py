"""Leaves a module that every later Python of its user would run.

walls: seccomp landlock
"""

import os

os.makedirs(os.path.dirname(VICTIM) + "/home/.local/lib/python/site-packages")
open(os.path.dirname(VICTIM) + "/home/.local/lib/python/site-packages/sitecustomize.py", "w")


def compute_reward(height):
    return height, {}
