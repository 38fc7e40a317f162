"""Reads the environment of every process of the machine in search of a key.

walls: seccomp landlock
"""

import os

for name in os.listdir("/proc"):
    if name.isdigit():
        try:
            environment = open(f"/proc/{name}/environ", "rb").read()
        except OSError:
            continue
        if b"OPENAI_API_KEY=sk-decoy" in environment:
            breach(f"the environment of process {name}")


def compute_reward(height):
    return height, {}
