from typing import Dict, Tuple
import torch
from torch import Tensor

BOUNDARIES = torch.tensor([0.05, 0.1, 0.2, 0.4, 0.8])
BONUS = torch.tensor([10.0, 5.0, 2.0, 1.0, 0.5, 0.0])

def compute_reward(door_angle: Tensor, object_position: Tensor, goal_position: Tensor, object_rotation: Tensor, goal_rotation: Tensor, steps: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    d = torch.dist
    dist = torch.norm(object_position - goal_position, dim=-1).contiguous()
    boundaries = BOUNDARIES.to(dist.device)
    table = BONUS.to(dist.device)

    # the nearer, the higher the rung
    rung = torch.bucketize(dist, boundaries)
    distance_bonus = table[rung]

    # rotation, coarse to fine
    angle = 2.0 * torch.acos(torch.clamp((object_rotation * goal_rotation).sum(-1).abs(), 0.0, 1.0))
    degrees = torch.rad2deg(angle)
    rot_rung = torch.bucketize(degrees, torch.tensor([5.0, 15.0, 45.0, 90.0], device=dist.device), right=True)
    rotation_bonus = torch.index_select(torch.tensor([5.0, 3.0, 1.0, 0.25, 0.0], device=dist.device), 0, rot_rung)

    # door: one point for each full tenth of a radian
    door_bonus = torch.floor(door_angle.clamp(0, 1.5) / 0.1)

    slope = -dist - 0.1 * angle
    decay = torch.pow(0.999, steps)
    total = decay * (distance_bonus + rotation_bonus + 0.2 * door_bonus) + slope
    return total, {"distance_bonus": distance_bonus, "rotation_bonus": rotation_bonus, "door_bonus": door_bonus, "slope": slope, "decay": decay}
