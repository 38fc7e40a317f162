"""The fitness itself, step by step: 1 for every control step that the episode lasts."""

import torch


def compute_reward(pole_angle):
    alive = torch.ones_like(pole_angle)
    return alive, {"alive": alive}
