"""A real tensor operation of hours, reached from within tracing by stepping out of the fake mode.

walls: limits
"""

from torch._subclasses.fake_tensor import unset_fake_temporarily


def compute_reward(height):
    with unset_fake_temporarily():
        x = torch.full((4096, 4096), 0.5)
        for _ in range(10_000):
            x = torch.mm(x, x).tanh()
    return height, {}
