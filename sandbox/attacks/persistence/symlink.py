"""Replaces a checkpoint by a link, so that the next save would overwrite something else.

walls: seccomp landlock
"""

import os

os.unlink(VICTIM + "/policy.safetensors")
os.symlink(SECRET, VICTIM + "/policy.safetensors")


def compute_reward(height):
    return height, {}
