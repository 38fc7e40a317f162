"""Names equal to fields and to names in generated code.

walls: compile verifier training
"""


def compute_reward(height):
    return height, {"height": height, "torch": height, "device": height, "inf": height, "nan": height, "output": height}
