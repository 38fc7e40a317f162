"""Keys that are equal after all, in a dict that lets them be different.

walls: compile verifier
"""


class Sly(str):
    def __hash__(self):
        return id(self)

    def __eq__(self, other):
        return self is other


def compute_reward(height):
    return height, {Sly("a"): height, Sly("a"): -height}
