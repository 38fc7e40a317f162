"""The reward of Gymnasium's HumanoidStandup-v5: the torso's height, less costs of control and impacts, plus 1."""

import torch

TIME_STEP = 0.003  # s, of the simulation
CTRL_COST_WEIGHT = 0.1
IMPACT_COST_WEIGHT = 0.5e-6
IMPACT_COST_RANGE = (-float("inf"), 10.0)


def compute_reward(root_position, control, squared_contact_forces):
    up = root_position[:, 2] / TIME_STEP
    ctrl = -CTRL_COST_WEIGHT * torch.sum(control * control, dim=-1)
    low, high = IMPACT_COST_RANGE
    impact = torch.zeros_like(up)
    if IMPACT_COST_WEIGHT != 0:  # else no contact forces are computed
        impact = IMPACT_COST_WEIGHT * squared_contact_forces
    impact = -torch.clamp(impact, low, high)
    alive = torch.ones_like(up)
    return up + ctrl + impact + alive, {"up": up, "ctrl": ctrl, "impact": impact, "alive": alive}
