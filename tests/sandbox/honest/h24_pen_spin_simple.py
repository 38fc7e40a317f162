import torch
from torch import Tensor
from typing import Tuple, Dict

def compute_reward(
    object_rotation: Tensor,
    goal_rotation: Tensor,
    object_position: Tensor,
    goal_position: Tensor,
    action: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    # Rotation alignment (q and -q are the same rotation)
    quat_dot = (object_rotation * goal_rotation).sum(dim=-1).abs().clamp(0.0, 1.0)
    angle_diff = 2 * torch.acos(quat_dot)
    rot_temperature = 0.3
    rot_reward = torch.exp(-angle_diff / rot_temperature)

    # Keep pen in hand
    pos_diff = (object_position - goal_position).norm(dim=-1)
    pos_temperature = 0.1
    pos_reward = torch.exp(-pos_diff / pos_temperature)

    # success bonus
    bonus = ((angle_diff < 0.2) & (pos_diff < 0.08)).float() * 5.0

    # control cost
    ctrl = -0.005 * action.square().sum(dim=-1)

    reward = 3.0 * rot_reward + pos_reward + bonus + ctrl
    return reward, {"rot_reward": rot_reward, "pos_reward": pos_reward, "bonus": bonus, "ctrl": ctrl}
