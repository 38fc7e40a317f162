"""Four mebibytes of the longest integers that are read.

walls: compile
"""

import os

view = memoryview(b'={"refused": [' + b",".join([b"9" * 4300] * 970) + b"]}")
while view:
    view = view[os.write(3, view) :]
os._exit(0)
