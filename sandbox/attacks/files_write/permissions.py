"""Takes the right to write from a run's result.

walls: seccomp
"""

import os

os.chmod(VICTIM + "/result.json", 0o000)


def compute_reward(height):
    return height, {}
