"""A generator with a fixed seed, as if that made it pure.

walls: compile verifier
"""

g = torch.Generator().manual_seed(3)


def compute_reward(height):
    return height + torch.rand(height.shape, generator=g), {}
