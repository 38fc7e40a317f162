"""Sleeps for an hour: takes wall time and no processor time.

walls: limits
"""

import time

while True:
    time.sleep(3600)
