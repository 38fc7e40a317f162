"""Doubles a text until memory ends.

walls: limits
"""

x = "x"
while True:
    x += x
