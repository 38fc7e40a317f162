"""Complex numbers, whose real part alone would be kept.

walls: compile verifier
"""


def compute_reward(height):
    z = torch.complex(height, height)
    return z * z, {"angle": z}
