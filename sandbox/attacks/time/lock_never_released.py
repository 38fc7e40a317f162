"""Waits for a lock that nobody will release.

walls: limits
"""

import threading

lock = threading.Lock()
lock.acquire()
while True:
    lock.acquire()
