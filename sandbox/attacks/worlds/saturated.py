"""The mean through a step that is flat wherever random play goes.

walls: preflight
"""


def compute_reward(height):
    return height + torch.sigmoid(50.0 * (height.mean().abs() - 4.0)), {}
