"""Sets the pipe to non-blocking and writes 100 MiB, so that what writes after it fails.

walls: limits compile
"""

import fcntl
import os

fcntl.fcntl(3, fcntl.F_SETFL, os.O_NONBLOCK)
for _ in range(100_000):
    try:
        os.write(3, b"\0" * 1024)
    except BlockingIOError:
        continue
