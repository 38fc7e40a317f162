"""Connects to a unix socket that has no path.

walls: seccomp landlock
"""

import socket

socket.socket(socket.AF_UNIX).connect(ABSTRACT)


def compute_reward(height):
    return height, {}
