"""Frees the same memory twice.

walls: compile
control: no, because it ends nothing but its own process
"""

import ctypes

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
p = libc.malloc(1 << 10)
libc.free(p)
libc.free(p)
libc.free(p + 8)
