"""Loops without end in the module's body.

walls: limits
"""

while True:
    pass
