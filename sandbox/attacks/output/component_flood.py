"""A program text of tens of megabytes from a legal reward: thousands of constants.

walls: limits compile verifier
"""


def compute_reward(height):
    r = height
    for k in range(200):
        r = r + torch.tensor([0.123456789 * i + k for i in range(3000)]).sum()
    return r, {}
