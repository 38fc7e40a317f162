"""Only a component is not a number.

walls: preflight training
"""


def compute_reward(height):
    return height, {"root": torch.sqrt(-height.abs() - 1.0)}
