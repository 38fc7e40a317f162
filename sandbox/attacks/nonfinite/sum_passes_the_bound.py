"""Components that are within the bound and whose mean is not.

walls: preflight training
"""


def compute_reward(height):
    x = torch.ones_like(height) * 9.99e9
    return height, {f"c{k}": x for k in range(60)}
