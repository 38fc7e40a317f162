"""Puts a named pipe where a reader of the run would wait for ever.

walls: seccomp landlock
"""

import os

os.mkfifo(VICTIM + "/" + MARK)


def compute_reward(height):
    return height, {}
