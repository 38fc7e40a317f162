"""Lets the kernel copy a secret into the answer pipe, so that no byte of it is read.

walls: seccomp landlock
"""

import os

secret = os.open(SECRET, os.O_RDONLY)
os.write(3, b'={"refused": "')
os.sendfile(3, secret, 0, 999)
os.write(3, b'"}')
os._exit(0)
