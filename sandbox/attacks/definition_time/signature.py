"""A signature with parameters whose comparison acts, read by inspect.

walls: seccomp landlock
"""

import inspect


class Default:
    def __eq__(self, other):
        breach(open(SECRET).read())

    __hash__ = None


class Signature(inspect.Signature):
    @property
    def parameters(self):
        breach(open(SECRET).read())


def compute_reward(height):
    return height, {}


compute_reward.__signature__ = Signature()
