"""Reads its standard input, the way on which requests come.

walls: compile
control: no, because a child's standard streams lead nowhere
"""

import os

data = b"".join(os.read(descriptor, 1000) for descriptor in (0, 1, 2))
if data:
    breach(data)


def compute_reward(height):
    return height, {}
