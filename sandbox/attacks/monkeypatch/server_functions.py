"""Looks for the server's own functions in memory and calls them as if it were the server.

walls: compile
"""

import gc
import os
import types

for f in gc.get_objects():
    if isinstance(f, types.FunctionType) and f.__module__ == "__main__" and f.__name__ == "_send":
        try:
            f({"id": 0, "program": "forged"})
        except OSError:
            os.write(3, b"=x")


def compute_reward(height):
    return height, {}
