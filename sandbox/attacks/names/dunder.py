"""Names of attributes that any object has.

walls: compile verifier training
"""


def compute_reward(height):
    return height, {"__class__": height, "__init__": height, "__dict__": height, "forward": height, "self": height}
