"""An answer of exactly as many bytes as are allowed, all of it one string.

walls: compile
"""

import os

body = b'{"refused": "' + b"x" * ((4 << 20) - 16) + b'"}'
view = memoryview(b"=" + body)
while view:
    view = view[os.write(3, view) :]
os._exit(0)
