"""Learns an address in the orchestrator from its list of locks.

walls: seccomp landlock
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 274, "aarch64": 100}[os.uname().machine]
head, size = ctypes.c_void_p(), ctypes.c_size_t()
if libc.syscall(number, ORCHESTRATOR, ctypes.byref(head), ctypes.byref(size)) == 0:
    breach(hex(head.value or 0))
