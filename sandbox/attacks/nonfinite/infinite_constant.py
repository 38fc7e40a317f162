"""Infinity and its negative as constants, whose sum is none.

walls: compile preflight training
"""

K = torch.tensor([float("inf"), -float("inf"), float("nan")])


def compute_reward(height):
    return height + K.sum(), {}
