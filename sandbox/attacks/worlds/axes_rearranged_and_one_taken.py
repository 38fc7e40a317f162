"""A reshape over the worlds' axis, of which each world takes one.

walls: preflight
"""


def compute_reward(position):
    return position.T.reshape(-1)[: position.shape[0] * 3].view(-1, 3)[:, 0], {}
