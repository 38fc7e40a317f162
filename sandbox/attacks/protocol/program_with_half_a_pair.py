"""A program whose text holds half a surrogate pair, which cannot be written to any file.

walls: verifier
"""

import os

os.write(3, b'={"program": "{\\"version\\": 1, \\"inputs\\": [\\"\\ud800\\"], \\"nodes\\": [], \\"outputs\\": [], \\"components\\": []}"}')
os._exit(0)
