"""Kills itself with SIGKILL.

walls: compile
control: no, because it ends nothing but its own process
"""

import os
import signal

os.kill(os.getpid(), signal.SIGKILL)
