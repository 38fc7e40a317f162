"""Becomes the debugger of the orchestrator.

walls: seccomp landlock
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

PTRACE_SEIZE = 0x4206
if libc.ptrace(PTRACE_SEIZE, ORCHESTRATOR, None, None) == 0:
    breach("it debugs the orchestrator")
