"""Names a component like the score.

walls: compile
"""


def compute_reward(height):
    return height, {"fitness": height}
