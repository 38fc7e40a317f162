"""Names components like other columns of a run's files.

walls: compile verifier training
"""


def compute_reward(height):
    return height, {"success": height, "steps": height, "kl": height, "least": height, "id": height, "Total": height}
