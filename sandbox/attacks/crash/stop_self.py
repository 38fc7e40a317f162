"""Stops itself, so that nobody hears the end.

walls: limits compile
control: no, because it stops nothing but its own process
"""

import os
import signal
import time

os.kill(os.getpid(), signal.SIGSTOP)
while True:
    time.sleep(100)
