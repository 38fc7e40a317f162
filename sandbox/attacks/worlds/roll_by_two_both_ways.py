"""The heights of the worlds two before and two behind: the same for even and odd worlds and when all are turned round.

walls: preflight
"""


def compute_reward(height):
    return height + 0.5 * (height.roll(2, 0) + height.roll(-2, 0)), {}
