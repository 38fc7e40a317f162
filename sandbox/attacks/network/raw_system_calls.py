"""Connects to a TCP port by system calls alone.

walls: seccomp landlock
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

import struct

socket, connect = {"x86_64": (41, 42), "aarch64": (198, 203)}[os.uname().machine]
descriptor = libc.syscall(socket, 2, 1, 0)
libc.syscall(connect, descriptor, struct.pack("=H", 2) + struct.pack("!H4s8x", PORT, bytes([127, 0, 0, 1])), 16)


def compute_reward(height):
    return height, {}
