"""Leaves a temporary file.

walls: seccomp landlock
"""

import tempfile

tempfile.mkstemp(prefix=MARK, dir="/tmp")


def compute_reward(height):
    return height, {}
