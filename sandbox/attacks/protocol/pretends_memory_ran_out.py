"""Pretends to be the machine's fault, so that it is asked again.

walls: compile
"""

import os

os.write(3, b"!out of memory")
os._exit(0)
