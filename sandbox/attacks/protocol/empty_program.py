"""A program of no characters, and of white space only.

walls: verifier
"""

import os

os.write(3, b'={"program": ""}')
os._exit(0)
