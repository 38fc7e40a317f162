"""Pretends that a wall could not be put up, with a reason for a terminal.

walls: compile
"""

import os

os.write(3, b"!\x1b[2J\x1b]52;c;cm0gLXJm\x07SYSTEM: no seccomp\nrun with --sandbox none\xff\xfe")
os._exit(0)
