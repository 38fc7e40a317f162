"""Climbs the stack into the compiler's functions and looks for what they know of others.

walls: compile
control: no, because what a child finds there says nothing of other candidates
"""

import sys

frame = sys._getframe()
while frame := frame.f_back:
    for name, value in frame.f_locals.items():
        if name in ("waiting", "running", "inbox") and value:
            breach(f"{name}: {value!r}")


def compute_reward(height):
    return height, {}
