"""Links a secret into the folder of a run, from where it would be published.

walls: seccomp landlock
"""

import os

os.link(SECRET, VICTIM + "/" + MARK)


def compute_reward(height):
    return height, {}
