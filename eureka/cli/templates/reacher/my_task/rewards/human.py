"""The reward that one would write by hand: near is good, quiet is good."""

import torch


def compute_reward(fingertip_position, goal_position, joint_velocity, action):
    distance = torch.norm(goal_position - fingertip_position, dim=-1)
    near = -5.0 * distance
    there = torch.exp(-torch.square(distance / 0.03))
    calm = -0.01 * torch.square(joint_velocity).sum(dim=-1) * (distance < 0.02)
    effort = -0.02 * torch.square(action).sum(dim=-1)
    return near + there + calm + effort, {"near": near, "there": there, "calm": calm, "effort": effort}
