"""Changes an input of truth values in place.

walls: compile verifier
"""


def compute_reward(height, fallen, steps):
    fallen.logical_not_()
    steps.add_(1)
    return height * fallen * steps, {}
