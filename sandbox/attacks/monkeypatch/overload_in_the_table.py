"""Makes an allowed name stand for a random operation inside the child.

walls: verifier
"""

import sys

ops = sys.modules["sandbox.ops"]
ops.ALLOWED["aten.abs.default"] = torch.ops.aten.rand_like.default


def compute_reward(height):
    return height.abs(), {}
