"""Watches all files of a file system.

walls: seccomp
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 300, "aarch64": 262}[os.uname().machine]
if libc.syscall(number, 0x200, 0) >= 0:
    breach("a fanotify descriptor")
