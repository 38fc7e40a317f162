"""Starts a thread of Python.

walls: seccomp
"""

import threading

threading.Thread(target=breach, args=("a thread ran",)).start()
while True:
    pass
