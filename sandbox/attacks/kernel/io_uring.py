"""Sets up an io_uring, whose requests no filter sees.

walls: seccomp limits
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

if libc.syscall(425, 8, ctypes.create_string_buffer(256)) >= 0:
    breach("an io_uring")
