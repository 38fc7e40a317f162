"""A reason of hundreds of combining marks and blank letters, all of them printable.

walls: compile
"""

import json
import os

text = "e" + "\u0301\u0489\ufe0f" * 150 + "\u3164\u2800\u115f" * 50
os.write(3, b"=" + json.dumps({"refused": text, "line": 1}).encode())
os._exit(0)
