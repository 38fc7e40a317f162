import torch


def compute_reward(torso_linear_velocity, heading_projection, up_projection):
    speed_temperature = 2.0
    speed = torch.tanh(torso_linear_velocity[:, 0] / speed_temperature)
    facing = torch.clamp(heading_projection, min=0.0)
    upright = torch.exp(-torch.square(1.0 - up_projection) / 0.1)
    run = 2.0 * speed * facing
    posture = 0.3 * upright
    return run + posture, {"run": run, "posture": posture}
