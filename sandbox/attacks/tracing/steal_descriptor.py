"""Takes the compiler's way to the orchestrator from it.

walls: seccomp landlock
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

process = os.pidfd_open(os.getppid())
descriptor = libc.syscall(438, process, 1, 0)
if descriptor >= 0:
    breach("a copy of the compiler's descriptor")
