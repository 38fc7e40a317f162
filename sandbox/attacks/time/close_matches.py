"""An argument name and a thousand others that make a search for near names slow.

walls: compile
"""


def compute_reward(heigh_heigh_heigh_heigh_heigh_heigh_heigh_heigh_heigh_heigh_heigh_heigh_heigh_heigh_heigh_heigh):
    return 0, {}
