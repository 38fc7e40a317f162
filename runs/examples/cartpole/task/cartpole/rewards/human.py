"""IsaacGymEnvs' Cartpole reward (isaacgymenvs/tasks/cartpole.py, compute_cartpole_reward), same constants."""

import math

import torch


def compute_reward(cart_position, cart_velocity, pole_angle, pole_velocity):
    upright = 1.0 - pole_angle * pole_angle
    slow_cart = -0.01 * torch.abs(cart_velocity)
    slow_pole = -0.005 * torch.abs(pole_velocity)
    lost = (torch.abs(cart_position) > 3.0) | (torch.abs(pole_angle) > math.pi / 2)
    total = torch.where(lost, torch.full_like(upright, -2.0), upright + slow_cart + slow_pole)
    return total, {"upright": upright, "slow_cart": slow_cart, "slow_pole": slow_pole}
