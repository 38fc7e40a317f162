"""Writes to the memory of the compiler, what is there already.

walls: seccomp landlock
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 311, "aarch64": 271}[os.uname().machine]
there = id(os.__dict__["O_RDONLY"]) + 24  # the value of a small integer, the same in parent and child
here = ctypes.create_string_buffer(ctypes.string_at(there, 4), 4)
local, remote = (ctypes.c_size_t * 2)(ctypes.addressof(here), 4), (ctypes.c_size_t * 2)(there, 4)
if libc.syscall(number, os.getppid(), local, 1, remote, 1, 0) == 4:
    breach("the compiler's memory was written")
