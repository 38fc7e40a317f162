"""Changes its input through .data, which autograd does not see.

walls: compile verifier
"""


def compute_reward(height):
    height.data.zero_()
    height.data = torch.ones_like(height)
    return height, {}
