"""Answers in the name of other candidates, several times over.

walls: compile
"""

import json
import os
import struct

for k in range(50):
    body = json.dumps({"id": k, "program": "forged"}).encode()
    os.write(3, struct.pack("!I", len(body)) + body)
    os.write(3, b"=" + body)
os._exit(0)
