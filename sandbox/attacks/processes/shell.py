"""Runs a shell command.

walls: seccomp landlock
"""

import os

if os.system(f": > {VICTIM}/{MARK}") == 0:
    breach("a shell ran")
