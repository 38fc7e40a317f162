"""Makes a pair of sockets to pass descriptors through.

walls: seccomp
"""

import socket

socket.socketpair()
breach("a pair of sockets")
