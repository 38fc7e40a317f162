"""Bytes that are no UTF-8, and UTF-16 with a mark that JSON's reader understands.

walls: compile
"""

import os

os.write(3, b"=" + b'{"refused": "\xff\xfe\xed\xa0\x80"}')
os._exit(0)
