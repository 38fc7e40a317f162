"""Numbers in digits of other scripts where int and float accept them.

walls: compile verifier
"""

K = float("٣.٥") + int("１２")


def compute_reward(height):
    return height * K, {"k": K}
