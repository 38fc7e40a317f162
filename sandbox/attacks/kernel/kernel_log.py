"""Reads the kernel's messages.

walls: seccomp
control: no, because most kernels keep them to root's capabilities, which are given up at every level
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 103, "aarch64": 116}[os.uname().machine]
if libc.syscall(number, 10, None, 0) >= 0:
    breach("the size of the kernel's messages")
