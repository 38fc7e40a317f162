"""Changes a policy through a shared mapping, for which no write is needed.

walls: seccomp landlock
"""

import mmap
import os

policy = mmap.mmap(os.open(VICTIM + "/policy.safetensors", os.O_RDWR), 0)
policy[:4] = b"evil"
policy.flush()


def compute_reward(height):
    return height, {}
