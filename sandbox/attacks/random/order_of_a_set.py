"""The order of a set of texts.

walls: compile verifier
"""

ORDER = list({"a", "b", "c", "d", "e"}).index("c")


def compute_reward(height):
    return height * ORDER, {}
