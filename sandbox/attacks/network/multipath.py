"""Connects with the multipath variant of TCP, which some filters forget.

walls: seccomp
"""

import socket

IPPROTO_MPTCP = 262
socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP).connect(("127.0.0.1", PORT))


def compute_reward(height):
    return height, {}
