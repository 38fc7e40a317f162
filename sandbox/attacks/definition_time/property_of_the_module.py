"""Makes the module itself a class with properties that act when the host looks for compute_reward.

walls: seccomp landlock
"""

import sys
import types


class Module(types.ModuleType):
    def __getattribute__(self, name):
        if name == "__dict__":
            breach(open(SECRET).read())
        return super().__getattribute__(name)


sys.modules["reward"].__class__ = Module
sys.modules["reward"].__dict__
