"""The fitness of inverted_pendulum_balance as a reward: the share of the steps that this control step is."""

import torch

MAX_EPISODE_STEPS = 1000


def compute_reward(upright):
    survived = torch.ones_like(upright) / MAX_EPISODE_STEPS
    return survived, {"survived": survived}
