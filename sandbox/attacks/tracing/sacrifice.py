"""Names the compiler as the process to kill when memory is short.

walls: seccomp landlock
"""

import os

with open(f"/proc/{os.getppid()}/oom_score_adj", "wb", buffering=0) as file:
    file.write(b"500")


def compute_reward(height):
    return height, {}
