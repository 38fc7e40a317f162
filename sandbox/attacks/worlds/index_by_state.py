"""Looks up another world by a number in its own state.

walls: preflight
"""


def compute_reward(height, steps):
    return height[steps.clamp(min=0, max=3)], {}
