"""Takes memory by malloc, and swallows what Python thinks of it.

walls: limits
"""

import ctypes

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
while True:
    p = libc.malloc(128 << 20)
    if p:
        libc.memset(p, 1, 128 << 20)
