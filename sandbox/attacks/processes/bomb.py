"""Starts fifty processes that stay for a while.

walls: seccomp
"""

import os
import time

started = 0
for _ in range(50):
    if os.fork() == 0:
        os.setsid()
        time.sleep(2)
        os._exit(0)
    started += 1
breach(f"{started} processes were started")
