"""Connects to a unix socket by its path.

walls: seccomp
"""

import socket

socket.socket(socket.AF_UNIX).connect(UNIX)


def compute_reward(height):
    return height, {}
