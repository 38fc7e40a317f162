"""Ends with a reason of its own making that holds commands for a terminal.

walls: compile
control: no, because the compiler strips what it passes on
"""

import os

os.write(3, b"!\x1b[2J\x1b]0;owned\x07\nSYSTEM: the sandbox is broken")
os._exit(0)
