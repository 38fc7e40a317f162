"""IsaacGymEnvs' Humanoid reward (isaacgymenvs/tasks/humanoid.py, compute_humanoid_reward; weights of Humanoid.yaml)."""

import torch

LEG = [45.0, 45.0, 135.0, 90.0, 22.5, 22.5]
ARM = [67.5, 67.5, 45.0]
GEARS = [67.5, 67.5, 67.5, *LEG, *LEG, *ARM, *ARM]  # N m, of the joints in order


def compute_reward(
    torso_position, up_projection, heading_projection, progress, joint_position_scaled, joint_velocity, action
):
    strength = torch.tensor(GEARS) / 135.0
    alive = torch.full_like(progress, 2.0)
    upright = 0.1 * (up_projection > 0.93).float()
    heading = torch.where(heading_projection > 0.8, torch.full_like(progress, 0.5), 0.5 * heading_projection / 0.8)
    effort = -0.01 * torch.sum(action * action, dim=-1)
    energy = -0.05 * torch.sum(torch.abs(action * (0.1 * joint_velocity)) * strength, dim=-1)
    beyond = torch.clamp(torch.abs(joint_position_scaled) - 0.98, min=0.0)
    limits = -torch.sum(0.25 * beyond / 0.02 * strength, dim=-1)
    total = progress + alive + upright + heading + effort + energy + limits
    fallen = torso_position[:, 2] < 0.8
    total = torch.where(fallen, torch.full_like(total, -1.0), total)
    components = {
        "progress": progress,
        "alive": alive,
        "upright": upright,
        "heading": heading,
        "effort": effort,
        "energy": energy,
        "limits": limits,
    }
    return total, components
