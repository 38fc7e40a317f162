"""Asks the kernel for its network interfaces.

walls: seccomp
"""

import socket

breach(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).fileno() and "a netlink socket")
