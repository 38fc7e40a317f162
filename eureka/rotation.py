"""Operations on unit quaternions wxyz, with any leading shape."""

from __future__ import annotations

import torch
from torch import Tensor


def conjugate(q: Tensor) -> Tensor:
    """(..., 4) the inverse rotation."""
    return torch.cat([q[..., :1], -q[..., 1:]], dim=-1)


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """(..., 4) the Hamilton product: rotate by `b`, then by `a`."""
    aw, ax, ay, az = a.unbind(-1)
    bw, bx, by, bz = b.unbind(-1)
    return torch.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        dim=-1,
    )


def angle_between(a: Tensor, b: Tensor) -> Tensor:
    """(...) rad in [0, pi], the angle of the rotation from `b` to `a`; q and -q are the same rotation."""
    sine = multiply(a, conjugate(b))[..., 1:].square().sum(-1).sqrt()
    return 2.0 * torch.asin(sine.clamp(max=1.0))


def about_z(angle: Tensor) -> Tensor:
    """(..., 4) the rotations by `angle` (...) rad about the z axis."""
    half, zero = 0.5 * angle, torch.zeros_like(angle)
    return torch.stack([torch.cos(half), zero, zero, torch.sin(half)], dim=-1)


def rotate(q: Tensor, v: Tensor) -> Tensor:
    """(..., 3) the vectors `v` rotated by `q`: from the frame with orientation `q` to the world frame."""
    w, u = q[..., :1], q[..., 1:]
    t = 2.0 * torch.linalg.cross(u, v, dim=-1)
    return v + w * t + torch.linalg.cross(u, t, dim=-1)


def unrotate(q: Tensor, v: Tensor) -> Tensor:
    """(..., 3) the vectors `v` rotated by the inverse of `q`: from the world frame to that with orientation `q`."""
    return rotate(conjugate(q), v)
