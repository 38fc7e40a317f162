import torch


def compute_reward(torso_linear_velocity, heading_projection, torso_position):
    speed_temperature, height_temperature = 3.0, 0.03
    facing = torch.clamp(heading_projection, min=0.0)
    standing = torch.sigmoid((torso_position[:, 2] - 0.36) / height_temperature)
    run = 3.0 * torch.tanh(torso_linear_velocity[:, 0] / speed_temperature) * facing
    posture = 0.3 * standing
    return run + posture, {"run": run, "posture": posture}
