"""Reaches for the dict that its inputs came in and exchanges them.

walls: compile
"""

import sys


def compute_reward(height, heading_error):
    frame = sys._getframe()
    while frame:
        states = frame.f_locals.get("states")
        if isinstance(states, dict) and "height" in states:
            states["height"], states["heading_error"] = states["heading_error"], states["height"]
        frame = frame.f_back
    return height, {}
