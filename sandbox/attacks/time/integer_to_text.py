"""Writes an integer of millions of digits, with Python's own bound on that taken off.

walls: limits
"""

import sys

sys.set_int_max_str_digits(0)
for k in range(1, 1000):
    str((1 << (30_000_000)) + k)
