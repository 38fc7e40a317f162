"""Copies the result pipe to every descriptor it may have.

walls: compile
"""

import fcntl
import os

for _ in range(100):
    try:
        fcntl.fcntl(3, fcntl.F_DUPFD, 3)
    except OSError:
        break
os._exit(0)
