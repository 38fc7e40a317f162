"""Signals the group of the compiler.

walls: seccomp landlock
"""

import os

os.killpg(os.getpgid(os.getppid()), 0)
breach("the compiler's group can be signalled")
