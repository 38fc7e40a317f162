"""Answers, then goes on computing with the pipe open.

walls: limits
"""

import os

os.write(3, b'={"program": "{}"}')
while True:
    pass
