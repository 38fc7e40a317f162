"""A hundred thousand open brackets for the reader.

walls: compile
"""

import os

os.write(3, b"=" + b'{"refused":' + b"[" * 100_000)
os._exit(0)
