import torch


def compute_reward(progress, joint_position_scaled, joint_velocity, action, heading_projection):
    forward = torch.clamp(progress, min=-1.0, max=8.0)
    run = forward + 0.15 * forward * torch.abs(forward)
    limits = -0.1 * torch.sum((torch.abs(joint_position_scaled) > 0.98).float(), dim=-1)
    energy = -0.002 * torch.sum(torch.abs(action * joint_velocity), dim=-1)
    facing = 0.3 * torch.where(heading_projection > 0.8, torch.ones_like(progress), heading_projection / 0.8)
    alive = torch.full_like(progress, 0.4)
    total = run + limits + energy + facing + alive
    return total, {"run": run, "limits": limits, "energy": energy, "facing": facing, "alive": alive}
