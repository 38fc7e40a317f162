"""Signals the compiler, which is its parent.

walls: seccomp landlock
"""

import os

os.kill(os.getppid(), 0)
breach("the compiler can be signalled")
