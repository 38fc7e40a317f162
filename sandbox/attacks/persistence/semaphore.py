"""Leaves a semaphore in the system.

walls: seccomp
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

get, control = {"x86_64": (64, 66), "aarch64": (190, 191)}[os.uname().machine]
semaphore = libc.syscall(get, 0, 1, 0o1600)
if semaphore >= 0:
    libc.syscall(control, semaphore, 0, 0)
    breach("a semaphore that outlives it")
