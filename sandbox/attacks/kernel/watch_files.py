"""Watches what others do with files.

walls: seccomp
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 294, "aarch64": 26}[os.uname().machine]
if libc.syscall(number, 0) >= 0:
    breach("an inotify descriptor")
