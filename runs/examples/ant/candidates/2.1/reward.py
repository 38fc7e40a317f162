import torch


def compute_reward(torso_linear_velocity, heading_projection, up_projection):
    start_temperature = 1.0
    velocity = torso_linear_velocity[:, 0]
    facing = torch.clamp(heading_projection, min=0.0)
    start = torch.tanh(velocity / start_temperature) * facing
    sprint = 0.5 * velocity * facing
    posture = 0.2 * torch.exp(-torch.square(1.0 - up_projection) / 0.1)
    total = start + sprint + posture
    return total, {"start": start, "sprint": sprint, "posture": posture}
