"""Reads its user's keys in the kernel.

walls: seccomp
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 250, "aarch64": 219}[os.uname().machine]
if libc.syscall(number, 6, -3, 0, 0) >= 0:
    breach("the keys of the session")
