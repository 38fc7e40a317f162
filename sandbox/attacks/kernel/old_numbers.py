"""Uses the second table of system calls that x86-64 kernels may have.

walls: seccomp
control: no, because few kernels are built with that table
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

if libc.syscall(0x40000000 + 39) == os.getpid():
    breach("the second table is open")
