"""Connects to a port in a default argument.

walls: seccomp
"""


def knock():
    import socket

    s = socket.create_connection(("127.0.0.1", PORT), timeout=1)
    s.sendall(b"x")
    breach("connected")


def compute_reward(height, x=knock()):
    return height, {}
