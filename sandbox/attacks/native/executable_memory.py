"""Maps memory that can be written and executed, and runs machine code in it.

walls: seccomp
"""

import ctypes
import mmap
import os

RETURN_42 = {"x86_64": "b82a000000c3", "aarch64": "400580d2c0035fd6"}[os.uname().machine]

memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
memory.write(bytes.fromhex(RETURN_42))
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
if ctypes.CFUNCTYPE(ctypes.c_int)(address)() == 42:
    breach("its own machine code ran")
