"""Reads the command lines of all processes, where passwords may be.

walls: seccomp landlock
"""

import os

breach(open(f"/proc/{os.getppid()}/cmdline").read())
