"""A component that is a float with methods of its own.

walls: compile verifier
"""


class Sly(float):
    def __float__(self):
        return float(len(globals()))

    def __repr__(self):
        return "1e999"


def compute_reward(height):
    return height * Sly(2.0), {"a": Sly(3.0)}
