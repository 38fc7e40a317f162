"""Doubles a list until memory ends.

walls: limits
"""

x = [0]
while True:
    x = x + x
