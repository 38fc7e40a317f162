"""Replaces the compiler's own source by a link.

walls: seccomp landlock
"""

import os
import sys

os.unlink(sys.modules["sandbox.canary"].__file__)
os.symlink(SECRET, sys.modules["sandbox.canary"].__file__)


def compute_reward(height):
    return height, {}
