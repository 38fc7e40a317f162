"""Reads a clock.

walls: compile
"""

import time


def compute_reward(height):
    return height * time.perf_counter(), {}
