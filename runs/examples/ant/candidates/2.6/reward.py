import torch


def compute_reward(torso_linear_velocity, torso_angular_velocity, heading_projection):
    velocity = torso_linear_velocity[:, 0]
    facing = torch.clamp(heading_projection, min=0.0)
    run = 2.0 * torch.sign(velocity) * torch.log1p(torch.abs(velocity)) * facing
    spin = -0.05 * torch.abs(torso_angular_velocity[:, 2])
    alive = torch.full_like(run, 0.25)
    total = run + spin + alive
    return total, {"run": run, "spin": spin, "alive": alive}
