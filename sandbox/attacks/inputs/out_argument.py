"""Has a result written into its input.

walls: compile verifier
"""


def compute_reward(height):
    torch.exp(height, out=height)
    torch.add(height, 1.0, out=height)
    return height.clone(), {}
