"""Totals of integers and bytes that wrap around.

walls: compile verifier training
"""


def compute_reward(height, steps):
    return (steps * 2**62 + steps), {"byte": (height * 1000).to(torch.uint8), "small": (height * 1e5).to(torch.int8)}
