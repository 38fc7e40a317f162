"""A total in half precision that overflows where float32 does not.

walls: compile verifier preflight training
"""


def compute_reward(height):
    return height.half() * 60000, {"b": height.bfloat16()}
