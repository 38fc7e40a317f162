"""Makes memory executable by the system call for memory keys, which filters forget.

walls: seccomp
"""

import ctypes
import mmap
import os

RETURN_42 = {"x86_64": "b82a000000c3", "aarch64": "400580d2c0035fd6"}[os.uname().machine]
libc = ctypes.CDLL(None, use_errno=True)
memory = mmap.mmap(-1, 4096)
memory.write(bytes.fromhex(RETURN_42))
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
number = {"x86_64": 329, "aarch64": 288}[os.uname().machine]
if libc.syscall(number, ctypes.c_void_p(address), 4096, mmap.PROT_READ | mmap.PROT_EXEC, -1):
    raise OSError(ctypes.get_errno())
if ctypes.CFUNCTYPE(ctypes.c_int)(address)() == 42:
    breach("its own machine code ran")
