"""Forks by the system call clone3, which takes its flags where no filter can see them.

walls: seccomp
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

import signal

arguments = (ctypes.c_uint64 * 11)(0, 0, 0, 0, signal.SIGCHLD)
child = libc.syscall(435, arguments, ctypes.sizeof(arguments))
if child == 0:
    os._exit(0)
if child > 0:
    os.waitpid(child, 0)
    breach("a process was started")
