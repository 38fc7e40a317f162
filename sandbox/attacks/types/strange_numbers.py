"""Totals of 8-bit floats, which the table does not have.

walls: compile verifier
"""


def compute_reward(height):
    return height.to(torch.float8_e4m3fn), {}
