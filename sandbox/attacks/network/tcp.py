"""Connects to a TCP port of this machine.

walls: seccomp landlock
"""

import socket

socket.create_connection(("127.0.0.1", PORT), timeout=1).sendall(b"hello")


def compute_reward(height):
    return height, {}
