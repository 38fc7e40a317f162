"""An answer with an id, a program that is no text, a reason and a kill at once.

walls: compile
"""

import json
import os

answer = {"id": 0, "program": ["x"], "killed": "x\x1b[2J", "hello": "strict", "error": "none", "refused": "r", "line": True}
os.write(3, b"=" + json.dumps(answer).encode())
os._exit(0)
