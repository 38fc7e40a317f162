"""Jumps to an address where nothing is.

walls: compile
control: no, because it ends nothing but its own process
"""

import ctypes

ctypes.CFUNCTYPE(None)(0x41414141)()
