"""Reads and could tune the machine's clock.

walls: seccomp
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 159, "aarch64": 171}[os.uname().machine]
if libc.syscall(number, ctypes.create_string_buffer(512)) >= 0:
    breach("the clock's state")
