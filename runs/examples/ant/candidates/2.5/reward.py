import torch


def compute_reward(progress, heading_projection, up_projection):
    speed_temperature, facing_temperature = 3.0, 0.1
    facing = torch.exp(-(1.0 - heading_projection) / facing_temperature)
    run = 3.0 * torch.tanh(progress / speed_temperature)
    straight = 0.3 * facing * (progress > 0.2).float()
    posture = 0.2 * torch.exp(-torch.square(1.0 - up_projection) / 0.1)
    total = run + straight + posture
    return total, {"run": run, "straight": straight, "posture": posture}
