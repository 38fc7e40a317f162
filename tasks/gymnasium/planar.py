"""Gymnasium's robots that move along x: Hopper-v5, Walker2d-v5, HalfCheetah-v5, Swimmer-v5."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from eureka.envs.gymnasium.batched import Before, MujocoTask, span, within
from eureka.physics.base import Sim
from eureka.task import LazyState

_FORWARD = "(N,) m/s, of the robot along x, mean over the control step"
_HEALTHY = "(N,) 1 while the robot has the height and the angle at which the episode continues, else 0"
_FASTEST = 10.0  # rad/s or m/s, velocities beyond which Hopper and Walker2d do not see


class HalfCheetah(MujocoTask):
    """A flat robot with two legs of three segments each (thigh, shin, foot; b for back, f for front) moves in the
    vertical plane along x. Its torso has the joints rootx, rootz (m) and rooty (rad, 0 when it is level)."""

    identifier = "HalfCheetah-v5"
    own: ClassVar = {"x_velocity": _FORWARD}
    velocity_noise = "normal"

    def values(self, sim: Sim, memory: Before) -> dict[str, Tensor]:
        return _moving(self, sim, memory) | {"observation": _observation(self, sim, hidden=1)}

    def info(self, state: LazyState) -> dict[str, Tensor]:
        return _forward(self, state)


class Swimmer(MujocoTask):
    """A robot of three links in a row lies in a viscous fluid, in a horizontal plane, and moves along x. Its first link
    has the joints slider1, slider2 (m) and free_body_rot (rad); motors turn the two joints between the links."""

    identifier = "Swimmer-v5"
    coordinates = 2
    own: ClassVar = {"x_velocity": _FORWARD}

    def values(self, sim: Sim, memory: Before) -> dict[str, Tensor]:
        found = _moving(self, sim, memory) | {"observation": _observation(self, sim, hidden=2)}
        return found | {"y_position": sim.qpos[:, 1].float(), "y_velocity": self.velocity(sim, memory)[:, 1]}

    def info(self, state: LazyState) -> dict[str, Tensor]:
        x, y = state["x_position"], state["y_position"]
        more = {"y_position": y, "y_velocity": state["y_velocity"], "distance_from_origin": torch.hypot(x, y)}
        return _forward(self, state) | more


class Walker2d(MujocoTask):
    """A flat robot with two legs of three segments each (thigh, leg, foot) stands in the vertical plane and moves along
    x. Its torso has the joints rootx, rootz (m, its height) and rooty (rad, 0 when it is upright)."""

    identifier = "Walker2d-v5"
    coordinates = 3
    own: ClassVar = {"x_velocity": _FORWARD, "is_healthy": _HEALTHY}

    def values(self, sim: Sim, memory: Before) -> dict[str, Tensor]:
        return _standing(self, sim, memory, _upright(self, sim))

    def terminated(self, state: LazyState, memory: Before) -> Tensor:
        return (state["is_healthy"] < 0.5) & self.arguments.terminate_when_unhealthy

    def ending(self) -> str:
        return _falls(self)

    def info(self, state: LazyState) -> dict[str, Tensor]:
        return _surviving(self, state)


class Hopper(MujocoTask):
    """A flat robot with one leg of three segments (thigh, leg, foot) stands in the vertical plane and hops along x. Its
    torso has the joints rootx, rootz (m, its height) and rooty (rad, 0 when it is upright)."""

    identifier = "Hopper-v5"
    coordinates = 3
    own: ClassVar = {"x_velocity": _FORWARD, "is_healthy": _HEALTHY}

    def values(self, sim: Sim, memory: Before) -> dict[str, Tensor]:
        rest = torch.cat([sim.qpos[:, 2:], sim.qvel], dim=-1)
        low, high = self.arguments.healthy_state_range
        return _standing(self, sim, memory, _upright(self, sim) & ((rest > low) & (rest < high)).all(-1))

    def terminated(self, state: LazyState, memory: Before) -> Tensor:
        return (state["is_healthy"] < 0.5) & self.arguments.terminate_when_unhealthy

    def ending(self) -> str:
        said, limits = _falls(self), span(self.arguments.healthy_state_range, "rad, m/s or rad/s")
        return f"{said} It also ends when an angle or a velocity of any joint is {limits}." if said else ""

    def info(self, state: LazyState) -> dict[str, Tensor]:
        return _surviving(self, state)


def _observation(task: MujocoTask, sim: Sim, hidden: int, fastest: float = torch.inf) -> Tensor:
    """(W, O) positions, without the first `hidden` if the environment leaves them out, and velocities."""
    first = hidden if task.arguments.exclude_current_positions_from_observation else 0
    return torch.cat([sim.qpos[:, first:], sim.qvel.clamp(-fastest, fastest)], dim=-1).float()


def _moving(task: MujocoTask, sim: Sim, memory: Before) -> dict[str, Tensor]:
    return {"x_velocity": task.velocity(sim, memory)[:, 0], "x_position": sim.qpos[:, 0].float()}


def _standing(task: MujocoTask, sim: Sim, memory: Before, healthy: Tensor) -> dict[str, Tensor]:
    return _moving(task, sim, memory) | {
        "observation": _observation(task, sim, hidden=1, fastest=_FASTEST),
        "is_healthy": healthy.float(),
        "z_distance_from_origin": (sim.qpos[:, 1] - task.rest(sim)[1]).float(),
    }


def _upright(task: MujocoTask, sim: Sim) -> Tensor:
    """(W,) bool: height and angle of the torso are as they should be."""
    height, angle = within(sim.qpos[:, 1], task.arguments.healthy_z_range), task.arguments.healthy_angle_range
    return height & within(sim.qpos[:, 2], angle)


def _falls(task: MujocoTask) -> str:
    given = task.arguments
    if not given.terminate_when_unhealthy:
        return ""
    height, angle = span(given.healthy_z_range, "m"), span(given.healthy_angle_range, "rad")
    return f"The torso's height (rootz_position) is {height}, or its angle (rooty_position) is {angle}."


def _forward(task: MujocoTask, state: LazyState) -> dict[str, Tensor]:
    forward = task.arguments.forward_reward_weight * state["x_velocity"]
    control = -task.arguments.ctrl_cost_weight * state["control"].square().sum(-1)
    more = {name: state[name] for name in ("x_position", "x_velocity")}
    return more | {"reward_forward": forward, "reward_ctrl": control, "reward": forward + control}


def _surviving(task: MujocoTask, state: LazyState) -> dict[str, Tensor]:
    found, survive = _forward(task, state), task.arguments.healthy_reward * state["is_healthy"]
    more = {"z_distance_from_origin": state["z_distance_from_origin"], "reward_survive": survive}
    return found | more | {"reward": found["reward"] + survive}
