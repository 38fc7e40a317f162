"""An answer in UTF-16, which Python's reader of JSON accepts, with nulls in the text.

walls: compile
"""

import os

os.write(3, b"=" + '{"refused": "\\u0000\\u001b[2J", "line": 3}'.encode("utf-16"))
os._exit(0)
