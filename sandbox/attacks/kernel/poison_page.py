"""Declares a page of memory broken, as root may, which would end all processes that share it.

walls: limits
"""

import ctypes
import errno

libc = ctypes.CDLL(None, use_errno=True)
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
NOTHING_THERE = 0x10000
for advice in (100, 101):  # HWPOISON, SOFT_OFFLINE
    if libc.madvise(NOTHING_THERE, 4096, advice) and ctypes.get_errno() in (errno.EFAULT, errno.ENOMEM, errno.EIO):
        breach("root's right to break memory")
