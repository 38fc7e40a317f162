"""Names that differ by characters nobody sees.

walls: compile
"""


def compute_reward(height):
    return height, {"speed\u200b": height, "spe\u00aded": height, "\u202edeeps": height, "\u3164": height}
