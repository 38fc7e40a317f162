"""Attaches shared memory as executable.

walls: seccomp
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

get, attach, control = {"x86_64": (29, 30, 31), "aarch64": (194, 196, 195)}[os.uname().machine]
block = libc.syscall(get, 0, 4096, 0o1700)
if block >= 0:
    where = libc.syscall(attach, block, None, 0o100000)
    libc.syscall(control, block, 0, None)
    if where != -1:
        breach("executable shared memory")
