"""Looks for descriptors that were left open.

walls: compile
control: no, because a child closes them all, whatever the walls
"""

import os

found = []
for descriptor in range(4, 4096):
    try:
        os.fstat(descriptor)
    except OSError:
        continue
    found.append(descriptor)
if found:
    breach(found)


def compute_reward(height):
    return height, {}
