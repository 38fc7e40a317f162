from __future__ import annotations

import abc
import enum
import math
from typing import NamedTuple

import torch


class Stage(enum.IntEnum):
    REACH = 0
    GRASP = 1
    PULL = 2
    HOLD = 3


class State(NamedTuple):
    tips: torch.Tensor
    handle: torch.Tensor
    angle: torch.Tensor
    q: torch.Tensor
    qd: torch.Tensor
    tau: torch.Tensor
    act: torch.Tensor
    prev: torch.Tensor
    steps: torch.Tensor


class Term(abc.ABC):
    weight = 1.0

    @property
    def name(self) -> str:
        return type(self).__name__.lower()

    @abc.abstractmethod
    def value(self, s: State) -> torch.Tensor:
        ...

    def __call__(self, s: State) -> torch.Tensor:
        return self.weight * self.value(s)


class Reach(Term):
    weight = 1.0

    def value(self, s):
        d = (s.tips - s.handle.unsqueeze(1)).norm(dim=-1)
        return 1.0 - torch.tanh(4.0 * d.min(dim=1).values)


class Grasp(Term):
    weight = 1.0

    def value(self, s):
        d = (s.tips - s.handle.unsqueeze(1)).norm(dim=-1)
        k = d.topk(3, dim=1, largest=False).values.mean(dim=1)
        # the handle has to be between the thumb and the index finger
        a = s.tips[:, 0] - s.handle
        b = s.tips[:, 1] - s.handle
        between = (a * b).sum(-1) < 0
        return torch.exp(-8.0 * k) * (0.5 + 0.5 * between)


class Pull(Term):
    weight = 4.0

    def value(self, s):
        return (s.angle / (math.pi / 2)).clamp(0.0, 1.0)


class Hold(Term):
    weight = 2.0

    def value(self, s):
        opened = s.angle >= math.radians(60)
        still = torch.exp(-s.qd.abs().mean(dim=-1))
        return torch.where(opened, still, torch.zeros_like(still))


class Regulariser(Term):
    weight = -1.0

    def value(self, s):
        energy = (s.tau * s.qd).abs().sum(-1)
        rate = (s.act - s.prev).square().sum(-1)
        limit = torch.nn.functional.relu(s.q.abs() - 2.5).sum(-1)
        return 1e-4 * energy + 5e-3 * rate + 0.1 * limit


TERMS = [Reach(), Grasp(), Pull(), Hold(), Regulariser()]
#            the stage from which each of the terms is switched on
FROM_STAGE = {"reach": Stage.REACH, "grasp": Stage.REACH, "pull": Stage.GRASP, "hold": Stage.PULL, "regulariser": Stage.REACH}


def find_stage(s: State) -> torch.Tensor:
    d = (s.tips - s.handle[:, None]).norm(dim=-1)
    near = d.amin(dim=1) < 0.5
    moved = s.angle > 0.05
    opened = s.angle > math.radians(60)
    # cumulative: a stage counts if all the earlier ones are fulfilled
    gates = torch.stack([near, near & moved, near & moved & opened], dim=-1)
    return torch.cumprod(gates.int(), dim=-1).sum(dim=-1)


def compute_reward(fingertip_positions, goal_position, door_angle, joint_positions, joint_velocities,
                   torques, action, last_action, steps) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    s = State(fingertip_positions, goal_position, door_angle, joint_positions, joint_velocities,
              torques, action, last_action, steps)
    stage = find_stage(s)

    components = {}
    for term in TERMS:
        on = stage >= int(FROM_STAGE[term.name])
        components[term.name] = term(s) * on
    components["stage_bonus"] = 0.5 * stage.float()
    components["slow"] = -0.001 * torch.clamp(s.steps - 300, min=0).float()

    total = sum(components.values())
    return total, components
