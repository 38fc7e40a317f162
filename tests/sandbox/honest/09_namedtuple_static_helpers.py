from typing import NamedTuple
import torch
import torch.nn.functional as F


class Weights(NamedTuple):
    progress: float = 2.0
    upright: float = 0.5
    lateral: float = 0.3
    effort: float = 0.002


class Quat:
    """wxyz quaternion helpers"""

    @staticmethod
    def conj(q):
        return torch.cat([q[..., :1], -q[..., 1:]], dim=-1)

    @staticmethod
    def mul(a, b):
        aw, ax, ay, az = a.unbind(-1)
        bw, bx, by, bz = b.unbind(-1)
        return torch.stack([
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ], dim=-1)

    @classmethod
    def rotate(cls, q, v):
        v4 = F.pad(v, (1, 0))
        return cls.mul(cls.mul(q, v4), cls.conj(q))[..., 1:]


def compute_reward(position, goal_position, rotation, linear_velocity, torques, weights=Weights()):
    to_goal = goal_position - position
    to_goal[:, 2] = 0.0
    direction = F.normalize(to_goal, dim=-1)

    fwd_local = torch.tensor([1.0, 0.0, 0.0], device=rotation.device).expand(rotation.shape[0], 3)
    up_local = torch.tensor([[0.0, 0.0, 1.0]], device=rotation.device).expand_as(position)
    fwd = Quat.rotate(rotation, fwd_local)
    up = Quat.rotate(rotation, up_local)

    progress = (linear_velocity * direction).sum(-1)
    lateral = torch.linalg.norm(linear_velocity - progress[:, None] * direction, dim=-1)
    facing = F.cosine_similarity(fwd, direction, dim=-1)

    terms = {
        "progress": weights.progress * torch.tanh(progress),
        "upright": weights.upright * up[:, 2],
        "facing": 0.25 * facing,
        "lateral": -weights.lateral * lateral,
        "effort": -weights.effort * (torques ** 2).sum(-1),
    }
    reward = torch.stack(list(terms.values()), dim=0).sum(dim=0)
    return reward, terms
