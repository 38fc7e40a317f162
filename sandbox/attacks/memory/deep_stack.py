"""Uses up the C stack's and the heap's memory by recursion without a limit.

walls: limits
"""

import sys

sys.setrecursionlimit(1 << 30)


def f(x):
    return f([x] * 100)


f(0)
