import torch


def compute_reward(progress, joint_velocity, heading_projection):
    movement_temperature = 8.0
    run = 2.0 * progress
    movement = 0.1 * torch.tanh(torch.mean(torch.abs(joint_velocity), dim=-1) / movement_temperature)
    facing = 0.2 * heading_projection
    alive = torch.full_like(progress, 0.3)
    total = run + movement + facing + alive
    return total, {"run": run, "movement": movement, "facing": facing, "alive": alive}
