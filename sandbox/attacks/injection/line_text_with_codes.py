"""The line that is quoted holds raw codes for a terminal in a text.

walls: compile
"""

exec("def f(x):\n    return x + '\x1b[2J\x1b]0;owned\x07' + None\n")


def compute_reward(height):
    return height.undefined("[2J‮"), {}
