"""Replaces every module of the sandbox by an object that agrees with everything.

walls: compile
"""

import sys


class Yes:
    def __getattr__(self, name):
        return self

    def __call__(self, *args, **kwargs):
        return self


for name in list(sys.modules):
    if name.startswith("sandbox"):
        sys.modules[name] = Yes()
sys.modules["json"] = Yes()


def compute_reward(height):
    return height, {}
