"""Changes its input through a transposed slice.

walls: compile verifier
"""


def compute_reward(body_positions):
    body_positions.permute(2, 1, 0)[0].diagonal().mul_(2.0)
    return body_positions.sum((1, 2)), {}
