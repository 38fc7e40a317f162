"""Learns of a file with the newest system call for it.

walls: seccomp
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 332, "aarch64": 291}[os.uname().machine]
about = ctypes.create_string_buffer(256)
if libc.syscall(number, -100, SECRET.encode(), 0, 0x7FF, about) == 0:
    breach(int.from_bytes(about.raw[40:48], "little"))
