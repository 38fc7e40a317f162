"""Finds the text of another candidate, which waits in the compiler's queue, through the garbage collector.

walls: compile
control: no, because a child never has it
"""

import gc

for thing in gc.get_objects():
    text = thing.get("source") if isinstance(thing, dict) else None
    if isinstance(text, str) and "def compute_reward" in text and MARK not in text:
        breach(text)


def compute_reward(height):
    return height, {}
