"""Reads a secret with os.open and os.pread.

walls: seccomp landlock
"""

import os

breach(os.pread(os.open(SECRET, os.O_RDONLY | os.O_NOATIME), 999, 0))
