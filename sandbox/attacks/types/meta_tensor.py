"""A tensor without memory.

walls: compile
"""


def compute_reward(height):
    return height.to("meta"), {"m": torch.zeros(7, device="meta")}
