"""Lets the logging module make a file.

walls: seccomp landlock
"""

import logging

logging.FileHandler(f"{VICTIM}/{MARK}.log").close()


def compute_reward(height):
    return height, {}
