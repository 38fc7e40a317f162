"""Changes how the compiler's reads are served.

walls: seccomp
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 251, "aarch64": 30}[os.uname().machine]
if libc.syscall(number, 1, os.getppid(), (2 << 13) | 7) == 0:
    breach("the compiler's reads come last")
