"""Writes to all memory that it may share with the compiler.

walls: compile
control: no, because nothing is shared with the compiler
"""

import builtins
import gc
import sys

for thing in gc.get_objects():
    if isinstance(thing, torch.Tensor) and thing.device.type == "cpu" and thing.numel():
        thing.data.zero_()
sys.modules["__main__"]._WALLS = {}
sys.modules["__main__"].__dict__["_compile"] = lambda *_: b'{"program": "forged"}'
builtins.len = lambda _: 0
torch.exp = torch.zeros_like


def compute_reward(height):
    return height, {}
