"""Prints without end.

walls: limits
"""

while True:
    print("x" * (1 << 16))
