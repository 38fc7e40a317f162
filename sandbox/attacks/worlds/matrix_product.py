"""Products of all worlds with all.

walls: preflight
"""


def compute_reward(position):
    return (position @ position.T).sum(-1), {}
