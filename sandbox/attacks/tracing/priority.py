"""Makes the compiler slower than everything else.

walls: seccomp
"""

import os

os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)


def compute_reward(height):
    return height, {}
