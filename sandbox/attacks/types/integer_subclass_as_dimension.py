"""An integer with methods of its own where a dimension belongs.

walls: compile verifier
"""


class Sly(int):
    calls = 0

    def __index__(self):
        Sly.calls += 1
        return Sly.calls % 2

    def __repr__(self):
        return "0]}], 'evil': [{"


def compute_reward(position):
    return position.select(Sly(1), Sly(0)), {}
