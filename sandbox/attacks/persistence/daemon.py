"""Leaves a process behind that nobody knows.

walls: seccomp
"""

import os
import time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(20)
    os._exit(0)
os.wait()


def compute_reward(height):
    return height, {}
