"""Random bytes of the system.

walls: compile
"""

import os
import secrets


def compute_reward(height):
    return height * (os.urandom(1)[0] + secrets.randbelow(7) + os.getpid()), {}
