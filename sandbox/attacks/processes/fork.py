"""Forks.

walls: seccomp
"""

import os

child = os.fork()
if child == 0:
    os._exit(0)
if child > 0:
    os.waitpid(child, 0)
    breach("a process was started")
