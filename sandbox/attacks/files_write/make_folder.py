"""Makes a folder in the run.

walls: seccomp landlock
"""

import os

os.makedirs(f"{VICTIM}/{MARK}/deep")


def compute_reward(height):
    return height, {}
