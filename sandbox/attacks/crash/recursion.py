"""Recurses until the C stack is used up.

walls: compile
control: no, because it ends nothing but its own process
"""

import sys

sys.setrecursionlimit(1 << 30)


class A:
    def __getattr__(self, name):
        return getattr(self, name + "x")

    def __repr__(self):
        return repr(self)


repr(A())
