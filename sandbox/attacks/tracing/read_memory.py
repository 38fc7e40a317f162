"""Reads the memory of the compiler by the system call for it.

walls: seccomp landlock
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 310, "aarch64": 270}[os.uname().machine]
here = ctypes.create_string_buffer(64)  # a fork's addresses are its parent's
there = id(os) & ~7
local, remote = (ctypes.c_size_t * 2)(ctypes.addressof(here), 64), (ctypes.c_size_t * 2)(there, 64)
if libc.syscall(number, os.getppid(), local, 1, remote, 1, 0) == 64:
    breach(here.raw.hex())
