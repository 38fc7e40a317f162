"""The reward of Gymnasium's Pusher-v5: less distance from object to goal and from tip to object, and less control."""

import torch

REWARD_NEAR_WEIGHT = 0.5
REWARD_DIST_WEIGHT = 1.0
REWARD_CONTROL_WEIGHT = 0.1


def compute_reward(distance_to_object, distance_to_goal, control):
    near = -REWARD_NEAR_WEIGHT * distance_to_object
    distance = -REWARD_DIST_WEIGHT * distance_to_goal
    ctrl = -REWARD_CONTROL_WEIGHT * torch.sum(control * control, dim=-1)
    return distance + ctrl + near, {"distance": distance, "ctrl": ctrl, "near": near}
