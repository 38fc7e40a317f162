"""Makes a file without a name, to run programs from.

walls: seccomp
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 319, "aarch64": 279}[os.uname().machine]
if libc.syscall(number, MARK.encode(), 0) >= 0:
    breach("an anonymous file")
