"""A component that is not a number, kept out of the total.

walls: preflight training
"""


def compute_reward(height):
    bad = 0.0 / (height - height)
    return torch.nan_to_num(bad), {"bad": bad}
