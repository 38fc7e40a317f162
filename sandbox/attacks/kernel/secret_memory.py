"""Makes memory that nobody else can look into.

walls: seccomp
control: no, because a kernel offers it only where it is switched on
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

if libc.syscall(447, 0) >= 0:
    breach("secret memory")
