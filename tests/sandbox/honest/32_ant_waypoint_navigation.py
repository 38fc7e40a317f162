import torch
import torch.nn.functional as F

REACH_RADIUS = 0.35


def compute_reward(position, goal_position, linear_velocity, rotation, torques, goals_reached, steps):
    xy = position[:, :2]
    goal_xy = goal_position[:, :2]
    dist = F.pairwise_distance(xy, goal_xy, p=2.0)

    unit = F.normalize(goal_xy - xy, p=2.0, dim=1, eps=1e-6)
    # batched dot product
    approach = torch.bmm(unit.unsqueeze(1), linear_velocity[:, :2].unsqueeze(2)).squeeze(2).squeeze(1)

    reached = dist < REACH_RADIUS
    reach_bonus = torch.zeros_like(dist).masked_fill_(reached, 10.0)
    streak = goals_reached * 10
    time_pen = -0.001 * steps

    flipped = (1 - 2 * (rotation[:, 1] ** 2 + rotation[:, 2] ** 2)) < 0
    ctrl = torch.sum(torques.abs(), -1) * 5e-4

    total = approach + reach_bonus + 0.01 * streak + time_pen - ctrl
    total = torch.where(flipped, total * 0.0 - 2.0, total)
    return total, dict(
        approach=approach,
        reach_bonus=reach_bonus,
        streak=streak.float(),
        time_pen=time_pen,
        ctrl=-ctrl,
        flipped=flipped.float(),
    )
