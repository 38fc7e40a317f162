"""One integer of four million digits.

walls: compile
"""

import os

view = memoryview(b'={"refused": ' + b"9" * 4_000_000 + b"}")
while view:
    view = view[os.write(3, view) :]
os._exit(0)
