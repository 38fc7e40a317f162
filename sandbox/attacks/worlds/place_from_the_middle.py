"""How far the world is from the middle, which stays when all are turned round.

walls: preflight
"""


def compute_reward(height):
    place = torch.arange(height.shape[0]) * 2.0
    return height + (place - place.mean()).abs(), {}
