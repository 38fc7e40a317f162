"""Maps memory without torch or Python objects, and touches it.

walls: limits
"""

import mmap

kept = []
while True:
    m = mmap.mmap(-1, 256 << 20)
    for page in range(0, 256 << 20, 4096):
        m[page] = 1
    kept.append(m)
