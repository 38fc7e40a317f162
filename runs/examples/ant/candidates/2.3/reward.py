import torch


def compute_reward(torso_linear_velocity, heading_projection, up_projection, action):
    speed_temperature = 3.0
    facing = torch.clamp(heading_projection, min=0.0)
    run = 3.0 * torch.tanh(torso_linear_velocity[:, 0] / speed_temperature) * facing
    posture = 0.3 * torch.exp(-torch.square(1.0 - up_projection) / 0.1)
    effort = -0.01 * torch.sum(torch.square(action), dim=-1)
    total = run + posture + effort
    return total, {"run": run, "posture": posture, "effort": effort}
