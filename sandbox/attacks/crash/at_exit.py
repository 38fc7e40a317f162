"""Registers work for the end of the process, where no limit of Python's holds.

walls: limits compile
"""

import atexit
import weakref


class A:
    def __del__(self):
        while True:
            pass


keep = A()
weakref.finalize(keep, breach, "a finaliser ran")
atexit.register(breach, "an exit handler ran")
sys_exit = SystemExit


def compute_reward(height):
    raise sys_exit(0)
