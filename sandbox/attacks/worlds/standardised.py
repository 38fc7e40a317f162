"""Mean nought and deviation one over the worlds.

walls: preflight
"""


def compute_reward(joint_velocities):
    x = joint_velocities.square().sum(-1)
    return (x - x.mean()) / (x.std() + 1e-6), {}
