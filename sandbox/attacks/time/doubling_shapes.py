"""Doubles a tensor's width until an operation takes forever to describe.

walls: limits compile verifier
"""


def compute_reward(height):
    x = height.unsqueeze(-1)
    for _ in range(200):
        x = torch.cat([x, x], dim=-1)
    return x.mean(-1), {}
