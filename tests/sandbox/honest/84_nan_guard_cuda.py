import torch
from torch import Tensor
from typing import Tuple, Dict

def compute_reward(object_rotation: Tensor, goal_rotation: Tensor, object_position: Tensor, goal_position: Tensor, fingertip_positions: Tensor, action: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    # Temperature parameters
    temperature_rotation = torch.tensor(5.0, device="cuda:0")
    temperature_finger = torch.tensor(2.0, device="cuda:0")
    zero = torch.tensor([0.0], device="cuda:0")

    # Normalize quaternions
    object_rotation = object_rotation / torch.norm(object_rotation, dim=-1, keepdim=True)
    goal_rotation = goal_rotation / torch.norm(goal_rotation, dim=-1, keepdim=True)

    # Rotation difference
    cos_half = torch.abs(torch.sum(object_rotation * goal_rotation, dim=-1))
    rotation_error = 2 * torch.acos(torch.min(cos_half, torch.ones_like(cos_half)))
    rotation_error = torch.nan_to_num(rotation_error, nan=torch.pi)
    rotation_reward = torch.exp(-temperature_rotation * rotation_error / torch.pi)

    # Fingertips
    finger_dist = torch.sqrt(torch.sum((fingertip_positions - object_position[:, None]) ** 2, dim=-1))
    finger_dist = torch.where(torch.isnan(finger_dist), torch.ones_like(finger_dist), finger_dist)
    fingertip_reward = torch.exp(-temperature_finger * finger_dist.min(dim=-1)[0])

    # Drop penalty
    drop = torch.norm(object_position - goal_position, dim=-1) > 0.5
    drop_penalty = torch.where(drop, torch.tensor(-1.0, device="cuda:0"), zero)

    # Total reward
    total_reward = rotation_reward + 0.3 * fingertip_reward + drop_penalty - 0.002 * torch.sum(action ** 2, dim=-1)
    total_reward = torch.nan_to_num(total_reward, nan=0.0, posinf=10.0, neginf=-10.0)

    reward_dict = {
        "rotation_reward": rotation_reward,
        "fingertip_reward": fingertip_reward,
        "drop_penalty": drop_penalty,
        "temperature_rotation": temperature_rotation,
    }
    return total_reward, reward_dict
