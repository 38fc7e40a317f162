"""A line number that no text has, of 4000 digits.

walls: compile
"""

import os

os.write(3, b'={"refused": "x", "line": ' + b"9" * 4000 + b"}")
os._exit(0)
