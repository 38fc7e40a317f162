"""Looks for the requests of other candidates in memory and gives their text away.

walls: compile
"""

import gc

for thing in gc.get_objects():
    if isinstance(thing, dict) and isinstance(thing.get("source"), str) and "rival" in thing["source"]:
        raise ValueError(thing["source"][:300])


def compute_reward(height):
    return height, {}
