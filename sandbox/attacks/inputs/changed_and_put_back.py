"""Changes its input and puts it back, so that nobody finds it changed.

walls: compile verifier
"""


def compute_reward(height):
    before = height.clone()
    height.mul_(2.0)
    r = height.clone()
    height.copy_(before)
    return r, {}
