"""Overwrites a function of the C library in its own memory.

walls: seccomp
"""

import ctypes
import mmap
import os

RETURN_42 = {"x86_64": "b82a000000c3", "aarch64": "400580d2c0035fd6"}[os.uname().machine]

libc = ctypes.CDLL(None, use_errno=True)
address = ctypes.cast(libc.labs, ctypes.c_void_p).value
page = ctypes.c_void_p(address & ~4095)
if libc.mprotect(page, 8192, mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC):
    raise OSError(ctypes.get_errno())
ctypes.memmove(address, bytes.fromhex(RETURN_42), len(RETURN_42) // 2)
if libc.labs(1) == 42:
    breach("its own machine code ran")
