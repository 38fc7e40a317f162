"""Fills memory with small objects that refer to each other.

walls: limits
"""

head = None
while True:
    head = (head, {}, [])
