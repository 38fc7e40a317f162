"""The hash of a text, which differs between processes but not between calls.

walls: compile verifier
"""

K = hash("a reward") % 1000 / 1000.0


def compute_reward(height):
    return height * K, {}
