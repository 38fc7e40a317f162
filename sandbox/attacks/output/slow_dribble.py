"""Writes a byte a second, so that the reader always has something to do.

walls: limits
"""

import os
import time

os.write(3, b"=")
while True:
    os.write(3, b" ")
    time.sleep(1)
