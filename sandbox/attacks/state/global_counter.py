"""Counts its calls in a global number.

walls: compile
"""

calls = 0


def compute_reward(height):
    global calls
    calls += 1
    return height + calls, {}
