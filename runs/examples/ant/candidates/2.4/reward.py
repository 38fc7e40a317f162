import torch


def compute_reward(torso_linear_velocity, heading_projection):
    speed_temperature = 2.0
    facing = torch.clamp(heading_projection, min=0.0)
    run = 2.0 * torch.tanh(torso_linear_velocity[:, 0] / speed_temperature) * facing
    alive = torch.full_like(run, 0.2)
    return run + alive, {"run": run, "alive": alive}
