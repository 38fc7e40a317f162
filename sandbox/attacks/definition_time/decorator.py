"""Reads the secret in a decorator, which runs when the function is defined.

walls: seccomp landlock
"""


def attack(function):
    breach(open(SECRET).read())
    return function


@attack
def compute_reward(height):
    return height, {}
