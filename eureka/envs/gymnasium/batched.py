"""Base of tasks that reproduce a MuJoCo environment of Gymnasium on batched physics.

Scene, frame skip, time limit, arguments and their defaults are those of the installed Gymnasium. A task adds what the
environment does in Python: its reset, observation, reward and termination. State fields are the joints, bodies, sites
and sensors of the scene by name, so that another scene (`xml_file`) has its own, and what the task adds.

Fields are read as the environments read them: after a control step, positions and velocities of joints are current;
those of bodies and sites, and forces, are as MuJoCo's integrator left them, up to one time step old.
"""

from __future__ import annotations

import inspect
import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, make_dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import gymnasium
import gymnasium.envs.mujoco
import mujoco
import torch
from gymnasium.envs.registration import load_env_creator
from pydantic import ConfigDict, TypeAdapter, ValidationError
from torch import Tensor

from eureka.envs.gymnasium.fields import unique
from eureka.errors import UserError, did_you_mean
from eureka.noise import Noise
from eureka.physics.base import Sim, compile_scene
from eureka.physics.fields import Field, read, scene_fields
from eureka.task import Episode, LazyState, Task

_ASSETS = Path(gymnasium.envs.mujoco.__file__).parent / "assets"
_LIMIT, _SURVIVED = "max_episode_steps", "survived"
_PICTURES = (
    *("render_mode", "width", "height", "camera_id", "camera_name", "default_camera_config"),
    *("max_geom", "visual_options"),
)
"""Arguments that have no effect on a training."""


@dataclass(frozen=True)
class Before:
    """What a control step has to remember of the time before it."""

    place: Tensor
    """(W, 2) m, where the robot was before this control step's physics, as the environment reads it."""
    start: Tensor
    """(W,) m, the first coordinate at the start of the episode."""


class MujocoTask(Task[LazyState, Before]):
    """Base of one environment's task."""

    identifier: ClassVar[str]
    """Gymnasium's id."""
    own: ClassVar[Mapping[str, str]] = {}
    """State fields that the task adds, with their documentation. `{nbody}` and so on stand for sizes of the scene."""
    coordinates: ClassVar[int] = 1
    """Numbers in `qpos` that a scene must have at least."""
    sites: ClassVar[int] = 0
    """Sites that a scene must have at least."""
    parts: ClassVar[tuple[str, ...]] = ()
    """Names of bodies that a scene must have."""
    velocity_noise: ClassVar[str] = "uniform"
    """Distribution of the velocities at the start of an episode: `uniform`, or `normal`."""
    late = True
    speed_bound = 1e8

    def __init__(self, fitness: str = "return", **given: Any):
        """Make the task.

        Args:
            fitness: `return`, or `info.KEY` for the last value of `KEY` in an episode; with `-` in front, less is
                better.
            given: arguments of the environment.

        Raises:
            UserError: the environment does not have an argument, a value is wrong, or the fitness does not exist.
        """
        self.horizon = _horizon(self.identifier, given)
        self.arguments = _arguments(self.identifier, given)
        self._file = _scene(self.identifier, self.arguments.xml_file)
        self._one_tree = False
        try:
            self.model = model = compile_scene(self.scene())
        except ValueError as error:
            said = " ".join(str(error).split())
            raise UserError(f"gymnasium:{self.identifier}: xml_file {self._file} does not compile: {said}") from None
        self._check(model)
        self._one_tree = int(model.ntree) == 1
        self.action_size = int(model.nu)
        self.control_period = float(model.opt.timestep) * self.arguments.frame_skip
        self._fitness = fitness
        low, high = torch.from_numpy(model.actuator_ctrlrange).float().T
        self._middle, self._half = 0.5 * (low + high), 0.5 * (high - low)
        self._start_position = torch.from_numpy(model.qpos0.copy())
        sizes = {name: getattr(model, name) for name in ("nbody", "nv", "nu", "nq")}
        added = {name: doc.format(**sizes) for name, doc in self.own.items()}
        taken = {"action", "last_action", "control", *added}
        self._fields: dict[str, Field] = {f.name: f for f in unique(list(scene_fields(model)), taken)}
        self.State = make_dataclass("State", self._documented(added), frozen=True)

    def _check(self, model: mujoco.MjModel) -> None:
        """Raise a UserError for a scene (`xml_file`) that the environment cannot use."""
        bodies = {model.body(i).name for i in range(model.nbody)}
        low, high = model.actuator_ctrlrange.T
        free = [model.actuator(int(i)).name or f"number {i}" for i in (low >= high).nonzero()[0]]
        if missing := [name for name in self.parts if name not in bodies]:
            wrong = f"has no body {missing[0]!r}"
        elif model.nq < self.coordinates:
            wrong = f"has {model.nq} joint coordinates (qpos), of which the environment reads {self.coordinates}"
        elif model.nsite < self.sites:
            wrong = f"has {model.nsite} sites, of which the environment reads {self.sites}"
        elif not model.nu:
            wrong = "has no actuator, and so no action"
        elif free:
            wrong = f"has the actuator {free[0]} without a ctrlrange, to which actions are scaled"
        else:
            return
        raise UserError(f"gymnasium:{self.identifier}: xml_file {self._file} {wrong}")

    def _documented(self, added: Mapping[str, str]) -> list[tuple[str, type, Any]]:
        size, ranges = self.action_size, sorted({(float(a), float(b)) for a, b in self.model.actuator_ctrlrange})
        around = " or ".join(f"{low:g} .. {high:g}" for low, high in ranges)
        docs = {name: f.text for name, f in self._fields.items()} | dict(added)
        by_joint = (self.model.actuator_trntype == mujoco.mjtTrn.mjTRN_JOINT).all()
        driven = [self.model.joint(int(i)).name if by_joint else "" for i in self.model.actuator_trnid[:, 0]]
        joints = f", which drive the joints {', '.join(driven)} in this order" if all(driven) else ""
        docs["control"] = f"(N, {size}) the action in the range of the actuators, {around}{joints}"
        docs["action"] = f"(N, {size}) in [-1, 1], the action just applied"
        docs["last_action"] = f"(N, {size}) in [-1, 1], the action before it, 0 at the start of an episode"
        return [(name, Tensor, field(metadata={"doc": doc})) for name, doc in docs.items()]

    @cached_property
    def fitness_unit(self) -> str:  # type: ignore[override]
        key = self._fitness.removeprefix("-").removeprefix("info.")
        return "return" if key == "return" else self.units.get(key, "")

    @cached_property
    def fitness_range(self) -> tuple[float | None, float | None]:  # type: ignore[override]
        return self.bounds.get(self._fitness.removeprefix("info."), (None, None))

    units: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("distance", "nearness", "x_position", "y_position"), "m"),
        **dict.fromkeys(("distance_from_origin", "z_distance_from_origin"), "m"),
        **dict.fromkeys(("x_velocity", "y_velocity"), "m/s"),
        "survived": "of the steps",
    }
    """Units of what a fitness may be; rewards of the environments have none."""
    bounds: ClassVar[Mapping[str, tuple[float | None, float | None]]] = {
        "nearness": (None, 0.0),
        "survived": (0.0, 1.0),
    }
    """Lowest and highest values of what a fitness may be."""

    def scene(self) -> mujoco.MjSpec:
        spec = mujoco.MjSpec.from_file(str(self._file))
        if self._one_tree:
            # Constraints of one kinematic tree are one island. MuJoCo need not search: 8 % of Hopper's time, same bits.
            spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_ISLAND
        return spec

    def start(self, sim: Sim, mask: Tensor, noise: Noise, memory: Before | None) -> Before:
        scale, model = self.arguments.reset_noise_scale, self.model
        qpos = self.rest(sim) + noise.uniform("position", model.nq, low=-scale, high=scale)
        if self.velocity_noise == "normal":
            qvel = scale * noise.normal("velocity", model.nv)
        else:
            qvel = noise.uniform("velocity", model.nv, low=-scale, high=scale)
        sim.assign(mask, qpos=qpos, qvel=qvel)
        return self.begin(sim)

    def rest(self, sim: Sim) -> Tensor:
        """(nq,) the model's initial positions."""
        if self._start_position.device != sim.device:
            self._start_position = self._start_position.to(sim.device)
            self._middle, self._half = self._middle.to(sim.device), self._half.to(sim.device)
        return self._start_position

    def begin(self, sim: Sim) -> Before:
        """The memory at the start of an episode, whose positions have been assigned."""
        return Before(place=sim.qpos[:, :2].clone(), start=sim.qpos[:, 0].clone())

    def act(self, sim: Sim, memory: Before, action: Tensor) -> Before:
        """Inputs of the actuators, in the order of `control`: -1 is the lower end of its range and 1 the upper."""
        sim.ctrl.copy_(self._middle + action * self._half)
        return replace(memory, place=self.place(sim).clone())

    def place(self, sim: Sim) -> Tensor:
        """(W, 2) m, where the robot is, for velocities over a control step."""
        return sim.qpos[:, :2]

    def velocity(self, sim: Sim, memory: Before) -> Tensor:
        """(W, 2) m/s, mean over this control step, from the backend's precision."""
        return ((self.place(sim) - memory.place) / self.control_period).float()

    def state(self, sim: Sim, memory: Before, action: Tensor, last_action: Tensor) -> LazyState:
        known = {"action": action, "last_action": last_action, "control": self._middle + action * self._half}
        known |= self.values(sim, memory) | {"moved": (sim.qpos[:, 0] - memory.start).float()}
        return LazyState(known, {n: partial(read, sim, f) for n, f in self._fields.items()} | self.more(sim))

    @abstractmethod
    def values(self, sim: Sim, memory: Before) -> dict[str, Tensor]:
        """The fields of `own`, `observation`, and what else `info` needs; (W, ...) float32 each."""

    def more(self, sim: Sim) -> dict[str, Callable[[], Tensor]]:
        """Those of the fields of `own` that are computed only where they are read."""
        return {}

    def observe(self, state: LazyState) -> Tensor:
        return state["observation"]

    @abstractmethod
    def info(self, state: LazyState) -> dict[str, Tensor]:
        """(W,) each: the environment's reward under `reward`, and what its info has, by the same names."""

    def numbers(self, state: LazyState) -> dict[str, Tensor]:
        """(W,) each: what a fitness may be."""
        return self.info(state) | {"distance": state["moved"]}

    def measure(self, state: LazyState, memory: Before) -> dict[str, Tensor]:
        # Only what the fitness reads, since sums, maxima and last values of each are updated in every step.
        key, found = self._measured, self.numbers(state)
        if key == _SURVIVED:
            return {}
        if key not in found:
            known = ", ".join(f"info.{name}" for name in (*found, _SURVIVED) if name != "reward")
            raise UserError(
                f"gymnasium:{self.identifier} has no info.{key}{did_you_mean(key, found)}; it has return, {known}"
            )
        return {key: found[key]}

    @property
    def _measured(self) -> str:
        key = self._fitness.removeprefix("-")
        return "reward" if key == "return" else key.removeprefix("info.")

    def fitness(self, episode: Episode) -> Tensor:
        sign, key = -1.0 if self._fitness.startswith("-") else 1.0, self._measured
        if key == _SURVIVED:
            return sign * episode.length / self.horizon
        whole = self._fitness.endswith("return")
        return sign * (episode.sums if whole else episode.last)[key] + 0.0  # and never -0


def _horizon(identifier: str, given: dict[str, Any]) -> int:
    limit = given.pop(_LIMIT, gymnasium.spec(identifier).max_episode_steps)
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise UserError(f"gymnasium:{identifier}: {_LIMIT} is a number of control steps, at least 1, not {limit!r}")
    return limit


def _arguments(identifier: str, given: Mapping[str, Any]) -> Any:
    """The environment's arguments: as given, else its own defaults."""
    point = gymnasium.spec(identifier).entry_point
    made = inspect.signature(load_env_creator(point) if isinstance(point, str) else point)  # type: ignore[arg-type]
    known = {
        name: parameter
        for name, parameter in made.parameters.items()
        if parameter.kind is not parameter.VAR_KEYWORD and name not in _PICTURES
    }
    values = {name: parameter.default for name, parameter in known.items()}
    for name, value in given.items():
        if name in _PICTURES:
            raise UserError(
                f"gymnasium:{identifier}: {name} is about pictures, and no training draws any; leave it out"
            )
        if name not in known:
            near = did_you_mean(name, known)
            raise UserError(f"gymnasium:{identifier} has no argument {name!r}{near}; it has {', '.join(known)}")
        kind = TypeAdapter(known[name].annotation, config=ConfigDict(allow_inf_nan=True))
        try:
            values[name] = kind.validate_python(value)
        except ValidationError as error:
            what = error.errors()[0]["msg"]
            raise UserError(f"gymnasium:{identifier}: {name} cannot be {value!r}: {what}") from None
    if values["frame_skip"] < 1:
        raise UserError(f"gymnasium:{identifier}: frame_skip must be at least 1, not {values['frame_skip']}")
    if not 0 <= (spread := values.get("reset_noise_scale", 0)) < math.inf:
        raise UserError(f"gymnasium:{identifier}: reset_noise_scale must be a number of at least 0, not {spread}")
    return SimpleNamespace(**values)


def _scene(identifier: str, given: str) -> Path:
    """The scene's file: one of Gymnasium's own by name, else a path."""
    file = Path(given).expanduser() if given.startswith((".", "/", "~")) else _ASSETS / given
    if not file.is_file():
        raise UserError(
            f"gymnasium:{identifier}: no file {file}; give xml_file as a path, or as ./PATH beside the YAML"
        )
    return file


def within(value: Tensor, limits: tuple[float, float], closed: bool = False) -> Tensor:
    """(W,) bool: whether `value` (W,) is between the limits, or on one if `closed`."""
    low, high = limits
    return (value >= low) & (value <= high) if closed else (value > low) & (value < high)


def span(limits: tuple[float, float], unit: str) -> str:
    """Limits in words, such as `outside 0.8 .. 2 m` or `below 0.7 m`."""
    low, high = limits
    if math.isinf(high):
        return f"below {low:g} {unit}"
    return f"above {high:g} {unit}" if math.isinf(low) else f"outside {low:g} .. {high:g} {unit}"
