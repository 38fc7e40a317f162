"""Looks for modules of the orchestrator or the trainer in its process.

walls: compile
control: no, because the compiler imports none of them
"""

import sys

host = [name for name in sys.modules if name.split(".")[0] in ("eureka", "httpx", "openai", "anthropic", "mujoco")]
if host:
    breach(host)


def compute_reward(height):
    return height, {}
