"""Two hundred thousand objects in one another.

walls: compile
"""

import os

os.write(3, b"=" + b'{"refused":' * 200_000 + b"1" + b"}" * 200_000)
os._exit(0)
