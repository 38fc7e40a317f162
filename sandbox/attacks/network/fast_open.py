"""Connects to a TCP port without connect(): the first packet carries the data.

walls: seccomp
"""

import socket

MSG_FASTOPEN = 0x20000000
socket.socket().sendto(b"hello", MSG_FASTOPEN, ("127.0.0.1", PORT))


def compute_reward(height):
    return height, {}
