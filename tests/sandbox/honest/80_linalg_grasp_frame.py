from typing import Dict, Tuple

import torch
from torch import Tensor


def trace3(R: Tensor) -> Tensor:
    return R.diagonal(offset=0, dim1=-1, dim2=-2).sum(-1)


def rotmat(q: Tensor) -> Tensor:
    w, x, y, z = q.T
    m = torch.zeros(q.shape[0], 3, 3, dtype=q.dtype, device=q.device)
    m[:, 0, 0] = 1 - 2 * (y ** 2 + z ** 2)
    m[:, 0, 1] = 2 * (x * y - w * z)
    m[:, 0, 2] = 2 * (x * z + w * y)
    m[:, 1, 0] = 2 * (x * y + w * z)
    m[:, 1, 1] = 1 - 2 * (x ** 2 + z ** 2)
    m[:, 1, 2] = 2 * (y * z - w * x)
    m[:, 2, 0] = 2 * (x * z - w * y)
    m[:, 2, 1] = 2 * (y * z + w * x)
    m[:, 2, 2] = 1 - 2 * (x ** 2 + y ** 2)
    return m


def compute_reward(fingertip_positions: Tensor, object_position: Tensor, object_rotation: Tensor, goal_rotation: Tensor,
                   goal_position: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    """Three-finger grasp: volume of the tripod, tips in the object's own frame, geodesic error."""
    rel = fingertip_positions - object_position.unsqueeze(1)

    # volume of the parallelepiped that thumb, index and middle finger span round the object
    volume = torch.linalg.det(rel[:, :3, :]).abs()
    r_volume = -torch.tanh(50 * volume)

    # the tips in the object's frame (inverse = transpose, but let's be explicit)
    R = rotmat(object_rotation)
    R_inv = torch.linalg.inv(R + 1e-6 * torch.eye(3, device=R.device))
    local = torch.movedim(R_inv @ torch.movedim(rel, 1, 2), 2, 1)      # (N, 5, 3)
    preferred = torch.tensor([[0.04, 0.0, 0.0], [-0.04, 0.02, 0.0], [-0.04, 0.0, 0.0], [-0.04, -0.02, 0.0], [0.0, 0.0, -0.06]],
                             device=R.device)
    grasp_err = torch.flatten(local - preferred, start_dim=1).norm(dim=1)
    r_grasp = torch.exp(-grasp_err)

    # triangle area of thumb-index-middle
    edge1 = fingertip_positions[:, 1] - fingertip_positions[:, 0]
    edge2 = fingertip_positions[:, 2] - fingertip_positions[:, 0]
    area = 0.5 * torch.linalg.norm(torch.linalg.cross(edge1, edge2), dim=-1)
    r_area = 0.2 * torch.clamp(area / 0.002, max=1.0)

    # orientation
    R_err = R.mT @ rotmat(goal_rotation)
    cos = (trace3(R_err) - 1) * 0.5
    angle = torch.arccos(cos.clamp(-0.99999, 0.99999))
    r_rot = 1 - angle / torch.pi

    r_pos = -(object_position - goal_position).norm(dim=-1)
    total = r_volume + r_grasp + r_area + 2 * r_rot + r_pos
    return total, {"volume": r_volume, "grasp": r_grasp, "area": r_area, "rot": r_rot, "pos": r_pos}
