"""Empties the journal of a run by opening it to write.

walls: seccomp landlock
"""

open(VICTIM + "/events.jsonl", "w").close()


def compute_reward(height):
    return height, {}
