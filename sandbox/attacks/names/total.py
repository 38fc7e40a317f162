"""Names a component like the total.

walls: compile
"""


def compute_reward(height):
    return height, {"total": height}
