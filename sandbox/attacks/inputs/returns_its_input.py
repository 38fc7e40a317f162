"""Returns its input itself, for whoever writes to the result.

walls: compile verifier training
"""


def compute_reward(height, heading_error):
    return height, {"a": height, "b": height.view(-1), "c": heading_error.detach()}
