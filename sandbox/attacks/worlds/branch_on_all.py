"""A branch on whether all worlds fulfil something.

walls: compile preflight
"""


def compute_reward(height):
    if (height > -100).all():
        return height, {}
    return height.mean().expand_as(height), {}
