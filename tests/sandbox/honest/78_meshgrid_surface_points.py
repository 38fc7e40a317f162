import torch
from typing import Dict, Tuple

def box_points(size: float = 0.05, n: int = 3) -> torch.Tensor:
    """A grid of n*n*n points that fills a cube of the given half size."""
    ax = torch.linspace(-size, size, n)
    gx, gy, gz = torch.meshgrid(ax, ax, ax, indexing="ij")
    pts = torch.stack([gx, gy, gz], dim=-1).reshape(-1, 3)
    on_surface = (pts.abs() > size - 1e-6).any(dim=-1)
    return pts[on_surface]

POINTS = box_points()

def rotate(q: torch.Tensor, pts: torch.Tensor) -> torch.Tensor:
    """q (N, 4) wxyz, pts (K, 3) -> (N, K, 3)"""
    w = q[:, None, :1]
    u = q[:, None, 1:].expand(-1, pts.shape[0], -1)
    p = pts.unsqueeze(0).expand(q.shape[0], -1, -1)
    uv = torch.cross(u, p, dim=2)
    return p + 2 * (w * uv + torch.cross(u, uv, dim=2))

def compute_reward(object_position: torch.Tensor, object_rotation: torch.Tensor, goal_position: torch.Tensor, goal_rotation: torch.Tensor, fingertip_positions: torch.Tensor) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    pts = POINTS.to(object_position.device)
    now = rotate(object_rotation, pts) + object_position[:, None]
    then = rotate(goal_rotation, pts) + goal_position[:, None]

    # ADD: same point to same point.  ADD-S: to the nearest, symmetric cube
    add = (now - then).norm(dim=-1).mean(dim=-1)
    add_s = torch.cdist(now, then).min(dim=-1).values.mean(dim=-1)

    # fingertips to the surface
    tip_surface = torch.cdist(fingertip_positions, now).min(dim=-1)[0]     # (N, 5)
    n_touch = torch.count_nonzero(tip_surface < 0.05, dim=-1)

    r_add = torch.exp(-5 * add)
    r_adds = torch.exp(-10 * add_s)
    r_tips = 1 - tip_surface.mean(dim=-1).tanh()
    r_touch = 0.1 * n_touch.float()
    return r_add + 0.5 * r_adds + 0.3 * r_tips + r_touch, {"add": r_add, "add_s": r_adds, "tips": r_tips, "touch": r_touch}
