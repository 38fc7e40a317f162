from dataclasses import dataclass, field
from typing import Dict, Tuple

import torch
from torch import Tensor


@dataclass(frozen=True)
class RewardConfig:
    reach_scale: float = 1.0
    lift_scale: float = 2.0
    orient_scale: float = 1.5
    action_scale: float = 0.005
    success_bonus: float = 25.0
    success_tol: float = 0.15
    temps: Dict[str, float] = field(default_factory=lambda: {"reach": 4.0, "orient": 2.0})


class ManipulationReward:
    """Callable object that computes every component from the current state only."""

    def __init__(self, cfg: RewardConfig = RewardConfig()):
        self.cfg = cfg

    @staticmethod
    def quat_angle(q: Tensor, p: Tensor) -> Tensor:
        dot = (q * p).sum(dim=-1).abs().clamp(max=1.0 - 1e-7)
        return 2.0 * torch.acos(dot)

    def reach(self, tips: Tensor, obj: Tensor) -> Tensor:
        d = (tips - obj.unsqueeze(-2)).norm(dim=-1).min(dim=-1).values
        return self.cfg.reach_scale * torch.exp(-self.cfg.temps["reach"] * d)

    def lift(self, obj: Tensor) -> Tensor:
        return self.cfg.lift_scale * obj[..., 2].clamp(0.0, 0.5) / 0.5

    def orient(self, q: Tensor, goal: Tensor):
        ang = self.quat_angle(q, goal)
        return self.cfg.orient_scale * torch.exp(-self.cfg.temps["orient"] * ang), ang

    def __call__(self, tips, obj, q, goal_q, act) -> Tuple[Tensor, Dict[str, Tensor]]:
        components: Dict[str, Tensor] = {}
        components["reach"] = self.reach(tips, obj)
        components["lift"] = self.lift(obj)
        components["orient"], ang = self.orient(q, goal_q)
        components["action"] = -self.cfg.action_scale * act.square().sum(dim=-1)
        components["success"] = self.cfg.success_bonus * (ang < self.cfg.success_tol).to(obj.dtype)
        return sum(components.values()), components


_reward_fn = ManipulationReward()


def compute_reward(fingertip_positions: Tensor, object_position: Tensor, object_rotation: Tensor,
                   goal_rotation: Tensor, action: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    return _reward_fn(fingertip_positions, object_position, object_rotation, goal_rotation, action)
