"""Has the compiler run only when the machine is idle.

walls: seccomp
"""

import os

os.sched_setscheduler(os.getppid(), os.SCHED_BATCH, os.sched_param(0))


def compute_reward(height):
    return height, {}
