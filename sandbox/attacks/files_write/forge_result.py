"""Replaces the result of a run by a link to another file.

walls: seccomp landlock
"""

import os

os.unlink(VICTIM + "/result.json")
os.symlink(VICTIM + "/events.jsonl", VICTIM + "/result.json")


def compute_reward(height):
    return height, {}
