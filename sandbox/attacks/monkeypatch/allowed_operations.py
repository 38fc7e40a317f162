"""Adds random operations to the child's table and traces one.

walls: verifier
"""

import sys

ops = sys.modules["sandbox.ops"]
for name in ("rand_like", "randn_like", "bernoulli", "empty_like"):
    try:
        ops.ALLOWED[f"aten.{name}.default"] = getattr(torch.ops.aten, name).default
    except AttributeError:
        pass
sys.modules["sandbox.trace"].self_test = lambda *args: None


def compute_reward(height):
    return height + torch.rand_like(height), {}
