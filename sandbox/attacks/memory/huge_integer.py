"""Shifts an integer to 16 GiB.

walls: limits
"""

1 << (1 << 37)
