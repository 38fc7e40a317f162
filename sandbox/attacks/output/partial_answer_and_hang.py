"""Begins an answer and waits.

walls: limits
"""

import os
import time

os.write(3, b'={"program": "')
while True:
    time.sleep(100)
