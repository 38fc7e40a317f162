"""Unlinks a file in __set_name__ of a descriptor.

walls: seccomp landlock
"""

import os


class D:
    def __set_name__(self, owner, name):
        os.unlink(VICTIM + "/events.jsonl")
        breach("removed")


class A:
    x = D()
