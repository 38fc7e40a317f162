"""Signals every process of its user (with signal 0, which only asks).

walls: seccomp
"""

import os

os.kill(-1, 0)
breach("everything can be signalled")
