"""Overwrites its input by copy_, zero_ and fill_.

walls: compile verifier
"""


def compute_reward(height, position):
    height.copy_(torch.ones_like(height))
    position.zero_()
    return height + position.fill_(3.0).sum(-1), {}
