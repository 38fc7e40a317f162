"""Closes its answer pipe and goes on.

walls: limits
"""

import os

os.write(3, b'={"refused": "done", "line": null}')
os.close(3)
while True:
    pass
