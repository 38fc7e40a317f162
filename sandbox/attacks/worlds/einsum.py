"""The same by einsum, with the worlds' axis named twice.

walls: preflight
"""


def compute_reward(position):
    return torch.einsum("ni,mi->n", position, position), {}
