"""A field name in letters whose lower case is another letter.

walls: compile
"""


def compute_reward(heıght, Height):
    return heıght, {}
