"""Forks by the system call clone.

walls: seccomp
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

import signal

number = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
child = libc.syscall(number, signal.SIGCHLD, 0, 0, 0, 0)
if child == 0:
    os._exit(0)
if child > 0:
    os.waitpid(child, 0)
    breach("a process was started")
