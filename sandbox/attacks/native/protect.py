"""Writes machine code to plain memory and makes it executable afterwards.

walls: seccomp
"""

import ctypes
import mmap
import os

RETURN_42 = {"x86_64": "b82a000000c3", "aarch64": "400580d2c0035fd6"}[os.uname().machine]
libc = ctypes.CDLL(None, use_errno=True)
memory = mmap.mmap(-1, 4096)
memory.write(bytes.fromhex(RETURN_42))
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
if libc.mprotect(ctypes.c_void_p(address), 4096, mmap.PROT_READ | mmap.PROT_EXEC):
    raise OSError(ctypes.get_errno())
if ctypes.CFUNCTYPE(ctypes.c_int)(address)() == 42:
    breach("its own machine code ran")
