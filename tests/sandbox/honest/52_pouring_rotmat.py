import torch
import math
from typing import Dict, Tuple

def quat_to_rotmat(q: torch.Tensor) -> torch.Tensor:
    # q: (..., 4), wxyz
    q = q / q.norm(dim=-1, keepdim=True).clamp_min(1e-8)
    w, x, y, z = torch.unbind(q, dim=-1)
    two_s = 2.0 / (q * q).sum(-1)
    o = torch.stack(
        (
            1 - two_s * (y * y + z * z),
            two_s * (x * y - z * w),
            two_s * (x * z + y * w),
            two_s * (x * y + z * w),
            1 - two_s * (x * x + z * z),
            two_s * (y * z - x * w),
            two_s * (x * z - y * w),
            two_s * (y * z + x * w),
            1 - two_s * (x * x + y * y),
        ),
        -1,
    )
    return o.reshape(q.shape[:-1] + (3, 3))

TILT_TARGET = torch.deg2rad(torch.tensor(110.0))

def compute_reward(object_position: torch.Tensor, object_rotation: torch.Tensor, goal_position: torch.Tensor,
                   angular_velocity: torch.Tensor, fingertip_positions: torch.Tensor) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    """Pour from the held cup (object) into the bowl at goal_position."""
    R = quat_to_rotmat(object_rotation)
    up = R[..., :, 2]                                   # cup's axis in the world frame
    cos_tilt = up[..., 2].clamp(-1.0, 1.0)
    tilt = torch.acos(cos_tilt * 0.999999)

    # The lip of the cup: 6 cm up its axis, 4 cm out along its x-axis
    lip = object_position + (R @ torch.tensor([0.04, 0.0, 0.06])).squeeze(-1)
    lip_offset = lip - goal_position
    lip_xy = torch.linalg.vector_norm(lip_offset[..., :2], dim=-1)
    above = (lip_offset[..., 2] > 0.03).float()

    over_bowl = torch.exp(-(lip_xy / 0.05) ** 2)
    tilt_err = (tilt - TILT_TARGET.to(tilt.device)).abs() / math.pi

    # keep upright until it is over the bowl, pour afterwards
    upright = (1.0 - over_bowl) * (0.5 + 0.5 * cos_tilt)
    pour = over_bowl * above * (1.0 - tilt_err)

    spill = -(1.0 - over_bowl) * torch.relu(tilt - math.pi / 3)
    grip = torch.exp(-10.0 * (fingertip_positions - object_position.unsqueeze(1)).norm(dim=-1)).mean(dim=-1)
    jerkiness = -0.02 * angular_velocity.pow(2).sum(dim=-1)

    rewards = {"upright": upright, "pour": 5.0 * pour, "spill": spill, "grip": grip, "over_bowl": 2.0 * over_bowl, "jerkiness": jerkiness}
    return torch.stack(list(rewards.values())).sum(0), rewards
