"""IsaacGymEnvs' BallBalance reward (isaacgymenvs/tasks/ball_balance.py, compute_bbot_reward), same constants.

The published reward is one product, so the total is the one component.
"""

import torch


def compute_reward(ball_position, ball_velocity):
    # the point is 0.7 m over the ground, a ball at rest on the tray has its centre at 0.669 m
    above_centre = torch.stack([ball_position[:, 0], ball_position[:, 1], ball_position[:, 2] - 0.7], dim=-1)
    near = 1.0 / (1.0 + torch.norm(above_centre, dim=-1))
    slow = 1.0 / (1.0 + torch.norm(ball_velocity, dim=-1))
    total = near * slow
    return total, {"near_and_slow": total}
