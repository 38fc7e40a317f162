"""What is not a number turned into the largest float, and only in the total.

walls: preflight training
"""


def compute_reward(height):
    return torch.nan_to_num(torch.log(height), posinf=3e38, nan=3e38), {}
