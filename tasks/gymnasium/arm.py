"""Gymnasium's arms: Reacher-v5 and Pusher-v5."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from eureka.envs.gymnasium.batched import Before, MujocoTask
from eureka.noise import Noise
from eureka.physics.base import Sim
from eureka.task import LazyState

_DRAWS = 32
"""Places of the object that are drawn at once, of which the first that is not too near to the goal is taken."""


class Reacher(MujocoTask):
    """An arm of two links turns in a horizontal plane (joint0 and joint1, rad); its fingertip shall reach a target that
    stays where it is for an episode."""

    identifier = "Reacher-v5"
    own: ClassVar = {"distance_to_target": "(N,) m, from the fingertip to the target"}
    coordinates = 4
    parts = ("fingertip", "target")

    def start(self, sim: Sim, mask: Tensor, noise: Noise, memory: Before | None) -> Before:
        model = self.model
        qpos = self.rest(sim) + noise.uniform("position", model.nq, low=-0.1, high=0.1)
        radius, angle = noise.uniform("target", 2).unbind(-1)
        radius, angle = 0.2 * radius.sqrt(), 2 * torch.pi * angle
        qpos = torch.cat([qpos[:, :-2], (radius * angle.cos())[:, None], (radius * angle.sin())[:, None]], dim=-1)
        qvel = noise.uniform("velocity", model.nv, low=-0.005, high=0.005)
        sim.assign(mask, qpos=qpos, qvel=torch.cat([qvel[:, :-2], torch.zeros_like(qvel[:, -2:])], dim=-1))
        return self.begin(sim)

    def values(self, sim: Sim, memory: Before) -> dict[str, Tensor]:
        away = sim.body("fingertip").position - sim.body("target").position
        angles = sim.qpos[:, :2]
        seen = torch.cat([angles.cos(), angles.sin(), sim.qpos[:, 2:], sim.qvel[:, :2], away[:, :2]], dim=-1)
        return {"observation": seen.float(), "distance_to_target": torch.linalg.norm(away, dim=-1).float()}

    def numbers(self, state: LazyState) -> dict[str, Tensor]:
        return self.info(state) | {"nearness": -state["distance_to_target"]}

    def info(self, state: LazyState) -> dict[str, Tensor]:
        near = -self.arguments.reward_dist_weight * state["distance_to_target"]
        control = -self.arguments.reward_control_weight * state["control"].square().sum(-1)
        return {"reward_dist": near, "reward_ctrl": control, "reward": near + control}


class Pusher(MujocoTask):
    """An arm of seven joints with a tip (body tips_arm) stands beside a table, on which it shall push a cylinder (body
    object) to a goal (body goal)."""

    identifier = "Pusher-v5"
    own: ClassVar = {
        "distance_to_object": "(N,) m, from the arm's tip to the object",
        "distance_to_goal": "(N,) m, from the object to the goal",
    }
    coordinates = 11
    parts = ("tips_arm", "object", "goal")

    def start(self, sim: Sim, mask: Tensor, noise: Noise, memory: Before | None) -> Before:
        model, rest = self.model, self.rest(sim)
        drawn = noise.uniform("object", _DRAWS, 2)
        places = torch.stack([drawn[..., 0] * 0.3 - 0.3, drawn[..., 1] * 0.4 - 0.2], dim=-1)
        first = (torch.linalg.norm(places, dim=-1) > 0.17).int().argmax(dim=1)
        place = places.gather(1, first[:, None, None].expand(-1, 1, 2))[:, 0]
        fixed = rest[:-4].expand(len(place), -1).to(place.dtype)
        qvel = noise.uniform("velocity", model.nv, low=-0.005, high=0.005)
        qvel = torch.cat([qvel[:, :-4], torch.zeros_like(qvel[:, -4:])], dim=-1)
        sim.assign(mask, qpos=torch.cat([fixed, place, torch.zeros_like(place)], dim=-1), qvel=qvel)
        return self.begin(sim)

    def values(self, sim: Sim, memory: Before) -> dict[str, Tensor]:
        tip, thing, goal = (sim.body(name).position for name in ("tips_arm", "object", "goal"))
        seen = torch.cat([sim.qpos[:, :7], sim.qvel[:, :7], tip, thing, goal], dim=-1).float()
        near, left = torch.linalg.norm(thing - tip, dim=-1), torch.linalg.norm(thing - goal, dim=-1)
        return {"observation": seen, "distance_to_object": near.float(), "distance_to_goal": left.float()}

    def numbers(self, state: LazyState) -> dict[str, Tensor]:
        return self.info(state)

    def info(self, state: LazyState) -> dict[str, Tensor]:
        given = self.arguments
        near = -given.reward_near_weight * state["distance_to_object"]
        left = -given.reward_dist_weight * state["distance_to_goal"]
        control = -given.reward_control_weight * state["control"].square().sum(-1)
        return {"reward_dist": left, "reward_ctrl": control, "reward_near": near, "reward": left + control + near}
