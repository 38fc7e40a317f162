"""Leads inspect around a ring of __wrapped__ functions for ever.

walls: limits compile
"""


def compute_reward(height):
    return height, {}


def other(height):
    return height, {}


compute_reward.__wrapped__, other.__wrapped__ = other, compute_reward
