"""Asks the C library for the key, past Python's copy of the environment.

walls: compile
control: no, because the compiler is started without any key
"""

import ctypes

libc = ctypes.CDLL(None)
libc.getenv.restype = ctypes.c_char_p
key = libc.getenv(b"OPENAI_API_KEY")
if key:
    breach(key)


def compute_reward(height):
    return height, {}
