"""Opens a secret with the newest system call for it, which old filters do not know.

walls: seccomp landlock
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

how = (ctypes.c_uint64 * 3)(os.O_RDONLY, 0, 0)
descriptor = libc.syscall(437, -100, SECRET.encode(), how, ctypes.sizeof(how))
if descriptor >= 0:
    breach(os.read(descriptor, 999))
