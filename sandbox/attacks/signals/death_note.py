"""Has itself told when its parent dies, instead of dying with it.

walls: seccomp
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

if libc.prctl(1, 0, 0, 0, 0) == 0:
    breach("it may outlive its parent")
