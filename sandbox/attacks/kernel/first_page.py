"""Maps the first page of memory, where the kernel's own mistakes would find what it puts there.

walls: limits
"""

import ctypes

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
if not libc.mmap(0, 4096, 3, 0x32, -1, 0):  # the address 0; a refusal is -1
    breach("root's right to the first page")
