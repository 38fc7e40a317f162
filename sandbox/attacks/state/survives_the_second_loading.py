"""State that survives a second loading of the text, in the module of another library.

walls: compile
"""

import math as home


def compute_reward(height):
    home.calls = getattr(home, "calls", -1) + 1
    return height + max(0, home.calls - 1), {}
