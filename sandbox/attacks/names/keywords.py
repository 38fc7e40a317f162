"""Names that are words of Python, JSON or YAML.

walls: compile verifier training
"""


def compute_reward(height):
    return height, {"None": height, "null": height, "lambda": height, "import": height, "NaN": height, "yes": height}
