"""Takes page faults into its own hands, which makes races in the kernel winnable.

walls: seccomp
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 323, "aarch64": 282}[os.uname().machine]
if libc.syscall(number, 1) >= 0:
    breach("a userfaultfd")
