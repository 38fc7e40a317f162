"""A reason that is not a text: lists nested as deep as JSON may be, and a number of 4000 digits.

walls: compile
"""

import os

os.write(3, b'={"refused": {"a": ' + b"[" * 900 + b"9" * 4000 + b"]" * 900 + b'}, "line": ' + b"9" * 4000 + b"}")
os._exit(0)
