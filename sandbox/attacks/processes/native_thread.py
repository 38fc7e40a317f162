"""Starts a thread below Python.

walls: seccomp
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

handle, work = ctypes.c_ulong(), ctypes.cast(libc.getpid, ctypes.c_void_p)
if libc.pthread_create(ctypes.byref(handle), None, work, None) == 0:
    breach("a thread was started")
