"""Names with codes for a terminal.

walls: compile
"""


def compute_reward(height):
    return height, {"\x1b[2J\x1b]0;owned\x07speed": height, "\x9b31mred": height}
