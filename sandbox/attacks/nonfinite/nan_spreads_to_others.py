"""Nothing of its own, multiplied by a mean over worlds of which one is not a number.

walls: preflight training
"""


def compute_reward(height):
    return height + 0.0 * torch.log(height + 20.0).mean(), {}
