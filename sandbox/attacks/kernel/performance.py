"""Counts its user's page faults, a way to watch others.

walls: seccomp
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 298, "aarch64": 241}[os.uname().machine]
attributes = ctypes.create_string_buffer(bytes([1, 0, 0, 0, 64, 0, 0, 0, 2]) + bytes(31) + b"`", 64)
if libc.syscall(number, attributes, 0, -1, -1, 0) >= 0:
    breach("a performance counter")
