import torch


def compute_reward(progress, torso_linear_velocity, torso_angular_velocity, action, last_action):
    run = 1.5 * progress
    drift = -0.2 * torch.abs(torso_linear_velocity[:, 1])
    spin = -0.05 * torch.sum(torch.square(torso_angular_velocity), dim=-1).clamp(max=20.0)
    smooth = -0.02 * torch.sum(torch.square(action - last_action), dim=-1)
    total = run + drift + spin + smooth
    return total, {"run": run, "drift": drift, "spin": spin, "smooth": smooth}
