"""Asks for the right to talk to devices by port.

walls: seccomp
control: no, because it needs root's capabilities, which are given up at every level
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

if libc.syscall(172, 3) == 0:
    breach("the right to every port")
