"""A program of four mebibytes.

walls: verifier
"""

import os

view = memoryview(b'={"program": "' + b"[" * ((4 << 20) - 40) + b'"}')
while view:
    view = view[os.write(3, view) :]
os._exit(0)
