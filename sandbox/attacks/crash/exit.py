"""Ends at once with success.

walls: compile
control: no, because it ends nothing but its own process
"""

import os

os._exit(0)
