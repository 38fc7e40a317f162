"""Gymnasium's Humanoid-v5 and HumanoidStandup-v5."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from eureka.envs.gymnasium.batched import Before, MujocoTask, span, within
from eureka.physics.base import Sim
from eureka.task import LazyState

_CONTACT = (
    "(N,) N^2 m^2 and N^2, sum of the squares of all torques and forces of contacts on the bodies about the robot's "
    "centre of mass"
)


class HumanoidStandup(MujocoTask):
    """A robot with the shape of a person lies on its back on a floor; motors turn its joints (waist, hips, knees,
    shoulders, elbows). Its torso moves freely (joint root)."""

    identifier = "HumanoidStandup-v5"
    coordinates = 3
    own: ClassVar = {"squared_contact_forces": _CONTACT}

    def values(self, sim: Sim, memory: Before) -> dict[str, Tensor]:
        return _seen(self, sim)

    def more(self, sim: Sim) -> dict[str, Callable[[], Tensor]]:
        return _contacts(sim)

    def info(self, state: LazyState) -> dict[str, Tensor]:
        given = self.arguments
        up = state["z_position"] / float(self.model.opt.timestep)
        control = -given.ctrl_cost_weight * state["control"].square().sum(-1)
        impact = -_cost(state, given.impact_cost_weight).clamp(*given.impact_cost_range)
        return {name: state[name] for name in ("x_position", "y_position", "z_distance_from_origin")} | {
            "reward_linup": up,
            "reward_quadctrl": control,
            "reward_impact": impact,
            "reward": up + control + impact + 1.0,
        }


class Humanoid(MujocoTask):
    """A robot with the shape of a person stands on a floor; motors turn its joints (waist, hips, knees, shoulders,
    elbows). Its torso moves freely (joint root)."""

    identifier = "Humanoid-v5"
    coordinates = 3
    own: ClassVar = {
        "x_velocity": "(N,) m/s, of the robot's centre of mass along x, mean over the control step",
        "is_healthy": "(N,) 1 while the torso has the height at which the episode continues, else 0",
        "squared_contact_forces": _CONTACT,
    }

    def place(self, sim: Sim) -> Tensor:
        """(W, 2) m, centre of mass, as it was up to one time step of the simulation ago."""
        return sim.subtree_com[:, 0, :2]

    def values(self, sim: Sim, memory: Before) -> dict[str, Tensor]:
        vx, vy = self.velocity(sim, memory).unbind(-1)
        healthy = within(sim.qpos[:, 2], self.arguments.healthy_z_range).float()
        return _seen(self, sim) | {"x_velocity": vx, "y_velocity": vy, "is_healthy": healthy}

    def more(self, sim: Sim) -> dict[str, Callable[[], Tensor]]:
        return _contacts(sim)

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
        contact = -_cost(state, given.contact_cost_weight).clamp(*given.contact_cost_range)
        x, y = state["x_position"], state["y_position"]
        return {name: state[name] for name in ("x_position", "y_position", "x_velocity", "y_velocity")} | {
            "distance_from_origin": torch.hypot(x, y),
            "reward_survive": survive,
            "reward_forward": forward,
            "reward_ctrl": control,
            "reward_contact": contact,
            "reward": forward + survive + control + contact,
        }


def _seen(task: MujocoTask, sim: Sim) -> dict[str, Tensor]:
    given, worlds = task.arguments, sim.num_worlds
    seen = [sim.qpos.float()[:, 2 if given.exclude_current_positions_from_observation else 0 :], sim.qvel.float()]
    if given.include_cinert_in_observation:
        seen.append(sim.cinert[:, 1:].float().reshape(worlds, -1))
    if given.include_cvel_in_observation:
        seen.append(sim.cvel[:, 1:].float().reshape(worlds, -1))
    if given.include_qfrc_actuator_in_observation:
        seen.append(sim.qfrc_actuator[:, 6:].float())
    if given.include_cfrc_ext_in_observation:
        seen.append(sim.cfrc_ext[:, 1:].float().reshape(worlds, -1))
    x, y, z = sim.qpos[:, :3].float().unbind(-1)
    return {
        "observation": torch.cat(seen, dim=-1),
        "x_position": x,
        "y_position": y,
        "z_position": z,
        "z_distance_from_origin": z - task.rest(sim)[2].float(),
    }


def _contacts(sim: Sim) -> dict[str, Callable[[], Tensor]]:
    return {"squared_contact_forces": lambda: sim.cfrc_ext.square().sum((-1, -2)).float()}


def _cost(state: LazyState, weight: float) -> Tensor:
    """(W,) cost of contacts, for which no contact forces are computed if its weight is 0."""
    if weight == 0:
        return torch.zeros_like(state["x_position"])
    return weight * state["squared_contact_forces"]
