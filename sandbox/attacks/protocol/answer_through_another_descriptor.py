"""Moves the pipe to descriptor 1 and prints an answer.

walls: compile
"""

import os

os.dup2(3, 1)
print('={"program": 1, "refused": "\\u001b[31m"}', flush=True)
os._exit(0)
