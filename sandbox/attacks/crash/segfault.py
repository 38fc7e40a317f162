"""Reads address 0.

walls: compile
control: no, because it ends nothing but its own process
"""

import ctypes

ctypes.string_at(0)
