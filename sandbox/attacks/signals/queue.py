"""Signals the orchestrator with a value, by a system call that is often forgotten.

walls: seccomp landlock
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

import signal

number = {"x86_64": 129, "aarch64": 138}[os.uname().machine]
information = (ctypes.c_int * 32)(signal.SIGURG, 0, -1, 0, os.getpid(), os.getuid())
if libc.syscall(number, ORCHESTRATOR, signal.SIGURG, information) == 0:
    breach("a signal was sent")
