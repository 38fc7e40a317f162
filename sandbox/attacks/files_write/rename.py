"""Swaps two files of a run.

walls: seccomp landlock
"""

import os

os.rename(VICTIM + "/events.jsonl", VICTIM + "/result.json")


def compute_reward(height):
    return height, {}
