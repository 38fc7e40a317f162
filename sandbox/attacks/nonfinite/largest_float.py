"""As large as float32 can be, so that any sum is infinite.

walls: preflight training
"""


def compute_reward(height):
    return height.sign() * 3.4e38, {}
