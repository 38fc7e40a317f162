"""Fills memory with real tensors behind the back of the fake mode.

walls: limits
"""

from torch._subclasses.fake_tensor import unset_fake_temporarily


def compute_reward(height):
    kept = []
    with unset_fake_temporarily():
        while True:
            kept.append(torch.ones(1 << 26))
    return height, {}
