"""Types a character into the terminal that the run was started from.

walls: seccomp
control: no, because the compiler has no terminal
"""

import fcntl
import os
import termios

for descriptor in range(3):
    try:
        fcntl.ioctl(descriptor, termios.TIOCSTI, b"x")
    except OSError:
        continue
    breach("a character was typed")


def compute_reward(height):
    return height, {}
