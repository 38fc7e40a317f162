"""Makes its answer pipe as large as it can and fills it.

walls: limits
"""

import fcntl
import os

for size in range(20, 31):
    try:
        fcntl.fcntl(3, fcntl.F_SETPIPE_SZ, 1 << size)
    except OSError:
        break
os.write(3, b"=" + b" " * (8 << 20))
os._exit(0)
