"""Installs a segment descriptor, an old and intricate part of x86 kernels.

walls: seccomp
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

entry = (ctypes.c_uint32 * 4)(0, 0, 0xFFFFF, 0x51)
if libc.syscall(154, 1, entry, ctypes.sizeof(entry)) == 0:
    breach("a segment descriptor")
