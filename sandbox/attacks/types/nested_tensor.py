"""A nested tensor.

walls: compile
"""


def compute_reward(height):
    return torch.nested.nested_tensor([height, height[:3]]), {}
