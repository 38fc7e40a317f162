"""Installs a seccomp filter of its own, which reports system calls to it.

walls: seccomp
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 317, "aarch64": 277}[os.uname().machine]
code = ctypes.create_string_buffer(bytes.fromhex("060000000000ff7f"), 8)  # allow everything
program = (ctypes.c_uint64 * 2)(1, ctypes.addressof(code))
if libc.syscall(number, 1, 8, program) >= 0:
    breach("a notifying filter")
