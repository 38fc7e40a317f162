"""Spoils the reference counts of None and of small integers.

walls: compile
control: no, because it ends nothing but its own process
"""

import ctypes

for thing in (None, True, 0, 1, (), ""):
    ctypes.c_long.from_address(id(thing)).value = 1
x = [None, True, 0, 1, (), ""] * 100
del x
