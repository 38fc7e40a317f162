"""The mean of a world's joints along the wrong axis, each world one joint's.

walls: compile verifier preflight
"""


def compute_reward(joint_positions, steps):
    return joint_positions.mean(0)[steps % 12], {}
