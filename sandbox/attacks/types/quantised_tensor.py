"""A quantised tensor.

walls: compile
"""


def compute_reward(height):
    return torch.quantize_per_tensor(height, 0.1, 0, torch.quint8), {}
