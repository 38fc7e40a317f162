"""A factorial that never ends, in C.

walls: limits
"""

math.factorial(200_000_000)
