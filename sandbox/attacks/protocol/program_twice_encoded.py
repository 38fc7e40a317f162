"""A program in the program's place: JSON in JSON in JSON.

walls: verifier
"""

import json
import os

text = "x"
for _ in range(8):
    text = json.dumps({"program": text})
os.write(3, b"=" + text.encode())
os._exit(0)
