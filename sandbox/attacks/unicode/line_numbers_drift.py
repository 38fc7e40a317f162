"""Separators that str.splitlines counts and Python does not, so that a message quotes another line.

walls: compile
"""

text = "a \u2028 b \x1c c \x1d d \x1e e \x85 f \x0b g"
"""x  y  z"""


def compute_reward(height):
    return height.nothing_of_this_name(), {}
