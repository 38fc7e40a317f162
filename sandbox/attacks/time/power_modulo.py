"""One call into C that multiplies huge integers without end.

walls: limits
"""

n = (1 << 400_003) - 1
pow(3, n - 1, n)
