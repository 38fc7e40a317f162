"""Looks for a key among the variables of its environment.

walls: compile
control: no, because the compiler is started without any key and clears what it has
"""

import os

keys = {name: value for name, value in os.environ.items() if name.endswith(("_KEY", "_TOKEN", "_SECRET"))}
if keys:
    breach(keys)


def compute_reward(height):
    return height, {}
