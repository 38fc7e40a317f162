"""Compiles a regular expression of a million branches over and over.

walls: limits
"""

import re

while True:
    re.compile("|".join(f"({k}+|x{k}*)" for k in range(30_000)))
    re.purge()
