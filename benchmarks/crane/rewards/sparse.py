"""What the fitness counts, at every control step: 1 while the load rests at its target."""

import torch


def compute_reward(load_position, load_velocity, target_position):
    distance = torch.norm(load_position - target_position, dim=-1)
    speed = torch.norm(load_velocity, dim=-1)
    resting = ((distance < 0.15) & (speed < 0.2)).float()
    return resting, {"resting": resting}
