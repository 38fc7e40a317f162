"""Builds a tower of nested transforms that each trace again.

walls: limits compile
"""


def compute_reward(height):
    f = torch.sum
    for _ in range(200):
        f = torch.func.grad(lambda x, f=f: (f(x) * x).sum())
    return height + f(height.clone()).detach(), {}
