"""Makes a file system by the new system calls for it.

walls: seccomp
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

libc.unshare(0x10000000 | 0x20000)  # user and mount namespace
if libc.syscall(430, b"tmpfs", 0) >= 0:
    breach("a file system")
