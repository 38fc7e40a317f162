"""Sends a datagram.

walls: seccomp
"""

import socket

socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"hello", ("127.0.0.1", PORT))


def compute_reward(height):
    return height, {}
