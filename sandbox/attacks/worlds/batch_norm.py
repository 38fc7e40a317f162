"""Batch normalisation.

walls: compile preflight
"""


def compute_reward(joint_positions):
    return F.batch_norm(joint_positions, None, None, training=True).sum(-1), {}
