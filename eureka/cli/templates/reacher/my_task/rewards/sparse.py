"""What the fitness counts, step by step: 1 while the fingertip is at the goal."""

import torch


def compute_reward(fingertip_position, goal_position):
    at_goal = (torch.norm(goal_position - fingertip_position, dim=-1) < 0.02).float()
    return at_goal, {"at_goal": at_goal}
