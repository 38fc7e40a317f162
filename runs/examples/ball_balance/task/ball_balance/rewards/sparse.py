"""The fitness itself, step by step: 1 for every control step that the episode lasts."""

import torch


def compute_reward(ball_position):
    alive = torch.ones_like(ball_position[:, 0])
    return alive, {"alive": alive}
