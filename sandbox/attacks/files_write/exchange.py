"""Swaps two files of a run at once with renameat2.

walls: seccomp landlock
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 316, "aarch64": 276}[os.uname().machine]
libc.syscall(number, -100, f"{VICTIM}/events.jsonl".encode(), -100, f"{VICTIM}/result.json".encode(), 2)


def compute_reward(height):
    return height, {}
