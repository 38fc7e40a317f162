"""NaN and infinity where a line belongs.

walls: compile
"""

import os

os.write(3, b'={"refused": NaN, "line": Infinity, "program": -Infinity}')
os._exit(0)
