"""A module with a buffer that each call changes, like batch normalisation in training.

walls: compile preflight
"""

net = nn.BatchNorm1d(12, affine=False)


def compute_reward(joint_positions):
    return net(joint_positions).sum(-1), {}
