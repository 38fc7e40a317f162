"""Meets the memory limit, swallows the error and asks again for ever.

walls: limits
"""

kept = []
while True:
    try:
        kept.append(bytearray(64 << 20))
    except MemoryError:
        continue
