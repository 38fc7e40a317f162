"""Ends with a reason in UTF-32 with half a character pair.

walls: compile
control: no, because the compiler strips what it passes on
"""

import os

os.write(3, b"=" + '{"refused": "\\ud800 \u202e txt", "line": 1}'.encode("utf-32"))
os._exit(0)
