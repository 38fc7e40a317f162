"""As many lists as fit into an answer, each of which costs the reader more than a byte.

walls: compile
"""

import os

view = memoryview(b'={"refused": [' + b"[]," * 1_390_000 + b"0]}")
while view:
    view = view[os.write(3, view) :]
os._exit(0)
