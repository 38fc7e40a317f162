"""Loads a map for programs that run in the kernel.

walls: seccomp
control: no, because kernels keep it to root's capabilities, which are given up at every level
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
attributes = (ctypes.c_uint32 * 18)(2, 4, 8, 1)  # an array of one number
if libc.syscall(number, 0, attributes, ctypes.sizeof(attributes)) >= 0:
    breach("a map in the kernel")
