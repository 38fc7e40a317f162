"""Runs a program with posix_spawn, which needs no fork of its own.

walls: seccomp landlock
"""

import os

if os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)[1] == 0:
    breach("a program ran")
