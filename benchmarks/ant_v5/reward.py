"""The reward of gymnasium's Ant-v5, without its cost of contact forces."""

import torch


def compute_reward(forward_velocity, healthy, action):
    control = -0.5 * torch.sum(action * action, dim=-1)
    return forward_velocity + healthy + control, {"forward": forward_velocity, "survive": healthy, "control": control}
