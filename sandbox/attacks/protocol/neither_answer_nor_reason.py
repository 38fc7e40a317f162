"""Begins with a byte that means nothing.

walls: compile
"""

import os

os.write(3, b"\x00\xff?" + b'{"program": "x"}')
os._exit(0)
