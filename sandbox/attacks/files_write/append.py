"""Appends a forged event to the journal of a run.

walls: seccomp landlock limits
"""

with open(VICTIM + "/events.jsonl", "a") as journal:
    journal.write('{"event": "finished", "fitness": 1e9}')


def compute_reward(height):
    return height, {}
