"""A running mean over the worlds of all calls, in a global tensor.

walls: compile preflight
"""

mean = torch.zeros(())


def compute_reward(height):
    mean.mul_(0.99).add_(0.01 * height.mean())
    return height - mean, {}
