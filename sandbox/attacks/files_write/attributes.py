"""Hides data in an extended attribute of a file.

walls: seccomp
"""

import os

os.setxattr(VICTIM + "/result.json", "user." + MARK, b"hidden")


def compute_reward(height):
    return height, {}
