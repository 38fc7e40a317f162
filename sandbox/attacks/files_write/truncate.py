"""Cuts the journal of a run without opening it.

walls: seccomp landlock
"""

import os

os.truncate(VICTIM + "/events.jsonl", 0)


def compute_reward(height):
    return height, {}
