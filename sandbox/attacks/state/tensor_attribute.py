"""Keeps a number in an attribute of torch's module and of a class.

walls: compile
"""


def compute_reward(height):
    torch.calls = getattr(torch, "calls", 0) + 1
    torch.Tensor.calls = torch.calls
    return height + torch.calls, {}
