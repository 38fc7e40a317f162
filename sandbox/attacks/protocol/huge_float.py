"""One decimal of four million digits, half way between two floats.

walls: compile
"""

import os

view = memoryview(b'={"refused": 0.' + b"0" * 300 + b"4999999999" * 400_000 + b"e-1}")
while view:
    view = view[os.write(3, view) :]
os._exit(0)
