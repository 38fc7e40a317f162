"""A program given twice, and a program beside a reason.

walls: compile verifier
"""

import os

os.write(3, b'={"program": 1, "refused": "a", "program": "{}", "refused": "b"}')
os._exit(0)
