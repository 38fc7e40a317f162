"""Ends with a line number of four thousand digits.

walls: compile
control: no, because the compiler bounds what it passes on
"""

import os

os.write(3, b'={"refused": "see there", "line": ' + b"9" * 4000 + b"}")
os._exit(0)
