"""Replaces a decomposition of torch.export by one that draws random numbers.

walls: compile
"""

import torch._decomp

table = torch._decomp.decomposition_table
for op in list(table):
    if "clamp" in str(op) or "abs" in str(op):
        table[op] = lambda x, *a, **k: torch.rand(3)


def compute_reward(height):
    return height.clamp(0, 1).abs(), {}
