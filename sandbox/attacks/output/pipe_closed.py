"""Closes the result pipe and goes on computing: the reader sees the end, the process lives.

walls: limits compile
"""

import os

os.close(3)
while True:
    pass
