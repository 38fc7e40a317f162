"""A regular expression that backtracks exponentially, inside C where no exception interrupts.

walls: limits
"""

import re

re.match(r"(a+)+$", "a" * 64 + "b")
