"""Asks the kernel to make all readable memory executable, as for programs of old.

walls: seccomp
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

READ_IMPLIES_EXEC = 0x0400000
number = {"x86_64": 135, "aarch64": 92}[os.uname().machine]
if libc.syscall(number, READ_IMPLIES_EXEC) >= 0:
    breach("memory mapped from now on is executable")
