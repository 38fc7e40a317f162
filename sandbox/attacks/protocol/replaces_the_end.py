"""Replaces os.write and os._exit, which the child calls when it is done.

walls: compile
"""

import os

written = []
real = os.write


def write(fd, data):
    written.append(len(data))
    return real(fd, bytes(data).replace(b"program", b"refused"))


os.write = write
os._exit = lambda code: None


def compute_reward(height):
    return height, {}
