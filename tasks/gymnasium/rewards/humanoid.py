"""The reward of Gymnasium's Humanoid-v5: forward speed, a bonus while healthy, less costs of control and contacts."""

import torch

FORWARD_REWARD_WEIGHT = 1.25
HEALTHY_REWARD = 5.0
CTRL_COST_WEIGHT = 0.1
CONTACT_COST_WEIGHT = 5e-7
CONTACT_COST_RANGE = (-float("inf"), 10.0)


def compute_reward(x_velocity, is_healthy, control, squared_contact_forces):
    forward = FORWARD_REWARD_WEIGHT * x_velocity
    survive = HEALTHY_REWARD * is_healthy
    ctrl = -CTRL_COST_WEIGHT * torch.sum(control * control, dim=-1)
    low, high = CONTACT_COST_RANGE
    contact = torch.zeros_like(forward)
    if CONTACT_COST_WEIGHT != 0:  # else no contact forces are computed
        contact = CONTACT_COST_WEIGHT * squared_contact_forces
    contact = -torch.clamp(contact, low, high)
    total = forward + survive + ctrl + contact
    return total, {"forward": forward, "survive": survive, "ctrl": ctrl, "contact": contact}
