"""Makes a block of shared memory with a name, which others could open.

walls: seccomp landlock
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

if libc.shm_open(f"/{MARK}".encode(), os.O_CREAT | os.O_RDWR, 0o600) >= 0:
    breach("a file in /dev/shm")
