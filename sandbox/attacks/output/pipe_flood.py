"""Writes to the result pipe without end.

walls: limits
"""

import os

os.write(3, b"=")
while True:
    os.write(3, b"x" * (1 << 16))
