"""Becomes root of a namespace of its own, where much more of the kernel can be reached.

walls: seccomp
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 272, "aarch64": 97}[os.uname().machine]
if libc.syscall(number, 0x10000000) == 0:
    breach("a user namespace")
