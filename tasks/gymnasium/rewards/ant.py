"""The reward of Gymnasium's Ant-v5: forward speed and a bonus while healthy, less costs of control and contacts."""

import torch

FORWARD_REWARD_WEIGHT = 1.0
HEALTHY_REWARD = 1.0
CTRL_COST_WEIGHT = 0.5
CONTACT_COST_WEIGHT = 5e-4


def compute_reward(x_velocity, is_healthy, control, contact_forces):
    forward = FORWARD_REWARD_WEIGHT * x_velocity
    survive = HEALTHY_REWARD * is_healthy
    ctrl = -CTRL_COST_WEIGHT * torch.sum(control * control, dim=-1)
    contact = torch.zeros_like(forward)
    if CONTACT_COST_WEIGHT != 0:  # else no contact forces are computed
        contact = -CONTACT_COST_WEIGHT * torch.sum(contact_forces * contact_forces, dim=(-1, -2))
    total = forward + survive + ctrl + contact
    return total, {"forward": forward, "survive": survive, "ctrl": ctrl, "contact": contact}
