import torch
from typing import *

def compute_reward(object_position, goal_position, fingertip_positions, door_angle, action, torques, fallen):
    temperature = {
        "reach": 0.1,
        "open": 0.6,
        "carry": 0.25,
    }
    raw = dict(
        reach=(fingertip_positions[:, 0, :] - object_position).norm(dim=-1),
        open=(1.57 - door_angle).clamp(min=0),
        carry=(object_position - goal_position).norm(dim=-1),
    )
    rewards = {k: torch.exp(-v / temperature[k]) for k, v in raw.items()}
    rewards["open_linear"] = 0.5 * door_angle
    rewards |= {"action": -0.002 * action.abs().sum(-1), "torque": -1e-5 * (torques ** 2).sum(-1)}
    rewards.update(fallen=-5.0 * fallen.float())
    total = sum(rewards.values())
    rewards = {f"r_{k}": v for k, v in rewards.items()}
    return total, rewards
