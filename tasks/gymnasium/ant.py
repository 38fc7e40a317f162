"""Gymnasium's Ant-v5."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import mujoco
import torch
from torch import Tensor

from eureka.envs.gymnasium.batched import Before, MujocoTask, span, within
from eureka.errors import UserError
from eureka.physics.base import Sim
from eureka.task import LazyState


class Ant(MujocoTask):
    """A robot with four legs of two segments each stands on a floor; motors turn a hip and an ankle of each leg. Its
    torso moves freely (joint root)."""

    identifier = "Ant-v5"
    coordinates = 3
    own: ClassVar = {
        "x_velocity": "(N,) m/s, of the torso along x, mean over the control step",
        "is_healthy": "(N,) 1 while the torso has the height at which the episode continues, else 0",
        "contact_forces": "(N, {nbody}, 6) N m and N, world frame: torque and force of contacts on each body, in the "
        "scene's order, the world first; each number is clipped",
    }
    velocity_noise = "normal"

    def place(self, sim: Sim) -> Tensor:
        """(W, 2) m, of the torso, as it was up to one time step of the simulation ago."""
        return sim.xpos[:, self._body(), :2]

    def _check(self, model: mujoco.MjModel) -> None:
        super()._check(model)
        self._body()

    def _body(self) -> int:
        given = self.arguments.main_body
        found = given if isinstance(given, int) else mujoco.mj_name2id(self.model, mujoco.mjtObj.mjOBJ_BODY, given)
        if not 0 <= found < self.model.nbody:
            raise UserError(f"gymnasium:{self.identifier}: main_body: the scene has no body {given!r}")
        return found

    def values(self, sim: Sim, memory: Before) -> dict[str, Tensor]:
        given = self.arguments
        x, y = sim.qpos[:, :2].float().unbind(-1)
        vx, vy = self.velocity(sim, memory).unbind(-1)
        healthy = within(sim.qpos[:, 2], given.healthy_z_range, closed=True)
        seen = [sim.qpos.float()[:, 2 if given.exclude_current_positions_from_observation else 0 :], sim.qvel.float()]
        found = {"x_velocity": vx, "y_velocity": vy, "x_position": x, "y_position": y, "is_healthy": healthy.float()}
        if given.include_cfrc_ext_in_observation:
            seen.append(self._contacts(sim)[:, 1:].flatten(1))
        return found | {"observation": torch.cat(seen, dim=-1)}

    def more(self, sim: Sim) -> dict[str, Callable[[], Tensor]]:
        return {"contact_forces": lambda: self._contacts(sim)}

    def _contacts(self, sim: Sim) -> Tensor:
        return sim.cfrc_ext.float().clamp(*self.arguments.contact_force_range)

    def terminated(self, state: LazyState, memory: Before) -> Tensor:
        return (state["is_healthy"] < 0.5) & self.arguments.terminate_when_unhealthy

    def ending(self) -> str:
        if not self.arguments.terminate_when_unhealthy:
            return ""
        return f"The torso's height (the third number of root_position) is {span(self.arguments.healthy_z_range, 'm')}."

    def info(self, state: LazyState) -> dict[str, Tensor]:
        given = self.arguments
        forward = given.forward_reward_weight * state["x_velocity"]
        survive = given.healthy_reward * state["is_healthy"]
        control = -given.ctrl_cost_weight * state["control"].square().sum(-1)
        contact = torch.zeros_like(forward)
        if given.contact_cost_weight != 0:
            contact = -given.contact_cost_weight * state["contact_forces"].square().sum((-1, -2))
        x, y = state["x_position"], state["y_position"]
        return {name: state[name] for name in ("x_position", "y_position", "x_velocity", "y_velocity")} | {
            "distance_from_origin": torch.hypot(x, y),
            "reward_forward": forward,
            "reward_survive": survive,
            "reward_ctrl": control,
            "reward_contact": contact,
            "reward": forward + survive + control + contact,
        }
