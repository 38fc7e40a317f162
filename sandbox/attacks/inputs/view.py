"""Changes its input through a view of a view.

walls: compile verifier
"""


def compute_reward(position):
    p = position.view(-1).unsqueeze(0).squeeze(0)[::2]
    p[:] = 0.0
    return position.sum(-1), {}
