"""A key that is a text with methods of its own: it matches as one name and is written as another.

walls: compile
"""


class Sly(str):
    def __str__(self):
        return "fitness\x1b[2J"

    def __format__(self, spec):
        return "x\ny"

    def __hash__(self):
        return 1

    def __eq__(self, other):
        return False


def compute_reward(height):
    return height, {Sly("a"): height, Sly("b"): height}
