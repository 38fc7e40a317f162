"""9 ** 9 ** 9 as a constant for the compiler to fold and then to compute.

walls: limits
"""

x = 9 ** 9 ** 9
