"""Loops and swallows every exception, KeyboardInterrupt and MemoryError included.

walls: limits
"""

while True:
    try:
        while True:
            [0] * 1000
    except BaseException:
        continue
