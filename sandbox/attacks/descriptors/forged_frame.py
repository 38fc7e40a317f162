"""Writes an answer of its own making to every descriptor there is.

walls: compile
control: no, because only the answer pipe leads out of a child
"""

import json
import os
import struct

answer = json.dumps({"id": 1, "program": "forged"}).encode()
for descriptor in range(64):
    try:
        os.write(descriptor, struct.pack("!I", len(answer)) + answer)
    except OSError:
        continue
os._exit(0)
