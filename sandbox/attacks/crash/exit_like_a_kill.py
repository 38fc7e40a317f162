"""Ends with the status of a process that was killed.

walls: compile
control: no, because it ends nothing but its own process
"""

import os

os._exit(137)
