"""Passes a descriptor to another process.

walls: seccomp
"""

import socket

mine, other = socket.socketpair()
socket.send_fds(mine, [b"x"], [3])
breach(socket.recv_fds(other, 1, 1))
