"""A reason of control characters, bidi marks, line breaks of Unicode and half a surrogate pair.

walls: compile
"""

import json
import os

text = "\x00\x1b[2J\x1b]0;x\x07\r\n\x85\u2028\u2029\u202e\u2066\u200b\ufeff\U000e0041\ud800\x7f\x9b31m" * 20
os.write(3, b"=" + json.dumps({"refused": text, "line": -1}).encode())
os._exit(0)
