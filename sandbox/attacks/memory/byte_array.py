"""Asks for a terabyte at once.

walls: limits
"""

bytearray(1 << 40)
