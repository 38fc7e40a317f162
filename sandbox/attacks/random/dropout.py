"""Dropout.

walls: compile verifier
"""


def compute_reward(joint_positions):
    return F.dropout(joint_positions, 0.5, training=True).sum(-1), {}
