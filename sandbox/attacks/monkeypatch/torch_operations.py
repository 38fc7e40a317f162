"""Replaces torch's functions by others, so that the graph says something else than the text.

walls: compile
"""

torch.abs = torch.Tensor.abs = lambda x: x * 0 + 1e9
torch.Tensor.__neg__ = lambda x: x


def compute_reward(height):
    return -torch.abs(height), {}
