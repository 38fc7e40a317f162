"""Becomes another program through a descriptor.

walls: seccomp landlock
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

number = {"x86_64": 322, "aarch64": 281}[os.uname().machine]
answer = '={"refused": "BREACH ' + MARK + ' became another program"}'
program = os.open("/bin/sh", os.O_PATH)
words = (ctypes.c_char_p * 5)(b"sh", b"-c", b'printf %s "$0" >&3', answer.encode(), None)
libc.syscall(number, program, b"", words, None, 0x1000)
