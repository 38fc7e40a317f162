"""A convolution along the worlds.

walls: compile verifier preflight
"""


def compute_reward(height):
    k = torch.tensor([[[0.2, 0.6, 0.2]]])
    return F.conv1d(height.view(1, 1, -1), k, padding=1).view(-1), {}
