import torch
import torch.nn as nn

cos = nn.CosineSimilarity(dim=-1, eps=1e-6)


def compute_reward(position, goal_position, linear_velocity, heading_error, height):
    goal_dir = (goal_position - position)[:, :2]
    vel_xy = linear_velocity[:, :2]
    alignment = cos(vel_xy, goal_dir)
    speed = torch.sqrt(torch.sum(vel_xy ** 2, dim=-1) + 1e-8)

    move = alignment * torch.clamp_max(speed, 2.0)
    face = 0.5 * (torch.cos(heading_error) + 1.0)
    stay_up = torch.sigmoid((height - 0.3) / 0.05)

    alive = torch.ones(position.size(0)).to(position.device)
    reward = stay_up * (move + 0.5 * face) + 0.1 * alive
    return reward, {
        'alignment': alignment,
        'move': move,
        'face': face,
        'stay_up': stay_up,
        'alive': 0.1 * alive,
    }
