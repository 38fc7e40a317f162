"""What the fitness counts, step by step. TODO: it only asks for little effort yet."""

import torch


def compute_reward(action):
    effort = -0.01 * torch.square(action).sum(dim=-1)
    return effort, {"effort": effort}
