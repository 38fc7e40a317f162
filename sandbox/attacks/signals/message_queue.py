"""Lets a message queue notify another process.

walls: seccomp limits
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

queue = libc.mq_open(f"/{MARK}".encode(), os.O_CREAT | os.O_RDWR, 0o600, None)
if queue >= 0:
    libc.mq_unlink(f"/{MARK}".encode())
    breach("a message queue")
