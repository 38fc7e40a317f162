import torch


def compute_reward(progress, up_projection, action):
    run = progress
    alive = torch.full_like(progress, 0.5)
    upright = 0.1 * (up_projection > 0.93).float()
    effort = -0.005 * torch.sum(torch.square(action), dim=-1)
    total = run + alive + upright + effort
    return total, {"run": run, "alive": alive, "upright": upright, "effort": effort}
