"""Mounts an empty file system over a run, in a namespace of its own.

walls: seccomp landlock
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 165, "aarch64": 40}[os.uname().machine]
libc.unshare(0x10000000 | 0x20000)  # user and mount namespace
if libc.syscall(number, b"none", VICTIM.encode(), b"tmpfs", 0, None) == 0:
    breach("a mount")
