"""Waits for others to connect to it.

walls: seccomp landlock
"""

import socket

breach(socket.create_server(("127.0.0.1", 0)).getsockname())
