"""Only a component looks at other worlds, the total does not.

walls: preflight
"""


def compute_reward(height):
    return height.abs(), {"rank": height.argsort().argsort().float()}
