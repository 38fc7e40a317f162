"""Uses the 32-bit gate for system calls, whose numbers mean something else, to fork.

walls: seccomp
control: no, because the libraries at hand rarely hold the gate's bytes
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
page = ctypes.cast(libc.getpid, ctypes.c_void_p).value & ~4095
text = b""
while libc.madvise(page + len(text), 4096, 0) == 0 and len(text) < 1 << 20:
    text += ctypes.string_at(page + len(text), 4096)
gate = text.find(b"\xcd\x80\xc3")  # int 0x80; ret
if os.uname().machine == "x86_64" and gate >= 0:
    # The number of floating point arguments is in the register that the gate takes for its number: 2 is fork.
    child = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_double, ctypes.c_double)(page + gate)(0.0, 0.0)
    if child == 0:
        os._exit(0)
    if child > 0:
        breach("a process was started")
