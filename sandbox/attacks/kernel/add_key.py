"""Leaves data in a keyring of the kernel.

walls: seccomp
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 248, "aarch64": 217}[os.uname().machine]
if libc.syscall(number, b"user", MARK.encode(), b"data", 4, -2) >= 0:
    breach("data in a keyring")
