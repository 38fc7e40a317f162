"""Calls abort.

walls: compile
control: no, because it ends nothing but its own process
"""

import os

os.abort()
