"""Calls the compiler's own function that answers the orchestrator, for another candidate.

walls: compile
control: no, because the descriptor it writes to is closed in a child
"""

import sys

compiler = sys.modules["__main__"]
for identity in range(100):
    compiler._send({"id": identity, "refused": "forged", "line": None})


def compute_reward(height):
    return height, {}
