"""Asks the kernel which resources it shares with the orchestrator.

walls: seccomp landlock
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 312, "aarch64": 272}[os.uname().machine]
if libc.syscall(number, os.getpid(), ORCHESTRATOR, 1, 0, 0) >= 0:
    breach("an order of kernel addresses")
