"""Signals a thread of the orchestrator.

walls: seccomp landlock
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

import signal

number = {"x86_64": 234, "aarch64": 131}[os.uname().machine]
if libc.syscall(number, ORCHESTRATOR, ORCHESTRATOR, signal.SIGURG) == 0:
    breach("a signal was sent")
