"""Loads a kernel module (an empty one).

walls: seccomp
control: no, because it needs root's capabilities, which are given up at every level
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 175, "aarch64": 105}[os.uname().machine]
ENOEXEC = 8
if libc.syscall(number, b"", 0, b"") and ctypes.get_errno() == ENOEXEC:
    breach("the kernel takes modules from it")
