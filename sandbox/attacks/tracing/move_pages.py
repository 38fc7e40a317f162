"""Asks where the pages of the orchestrator's memory are.

walls: seccomp landlock
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 279, "aarch64": 239}[os.uname().machine]
pages, places = (ctypes.c_void_p * 1)(id(os) & ~0xFFF), (ctypes.c_int * 1)()
if libc.syscall(number, os.getppid(), 1, pages, None, places, 0) == 0:
    breach(places[0])
