"""The mean of the even worlds for even ones and of the odd worlds for odd ones.

walls: preflight
"""


def compute_reward(height):
    odd = torch.arange(height.shape[0]) % 2
    mean_odd = (height * odd).sum() / odd.sum()
    mean_even = (height * (1 - odd)).sum() / (1 - odd).sum()
    return height + torch.where(odd > 0, mean_odd, mean_even), {}
