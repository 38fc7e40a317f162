"""Renames the machine, in a namespace of its own.

walls: seccomp
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 170, "aarch64": 161}[os.uname().machine]
libc.unshare(0x10000000 | 0x4000000)  # user and host name namespace
if libc.syscall(number, b"owned", 5) == 0:
    breach("a host name")
