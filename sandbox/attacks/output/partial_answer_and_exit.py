"""Begins an answer and ends.

walls: compile
"""

import os

os.write(3, b'={"program": "{\\"version\\"')
os._exit(0)
