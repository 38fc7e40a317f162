"""Sets back the clock of a run's result, so that it looks old.

walls: seccomp
"""

import os

os.utime(VICTIM + "/result.json", (0, 0))


def compute_reward(height):
    return height, {}
