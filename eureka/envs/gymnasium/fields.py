"""The state fields of a Gymnasium environment for rewards, from its MuJoCo model, observation and info.

Positions and velocities of joints are those after the control step. Values of bodies and sensors are those that MuJoCo
computed at the start of its last time step, so they are one time step (some ms) old; recomputing them would change what
the environment itself reads.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import mujoco
import numpy as np
import torch
from torch import Tensor

_JOINT = mujoco.mjtJoint
_GATHERED = ("qpos", "qvel", "xpos", "xquat", "cvel", "subtree_com", "sensordata")

_ANSWERS = ("reward", "return", "fitness", "score", "penalty", "cost", "bonus")
"""Parts of info keys that reveal the environment's reward."""


@dataclass(frozen=True)
class Field:
    """One state field: its description, and its place in the gathered arrays."""

    name: str
    shape: tuple[int, ...]  # Without the leading N
    doc: str
    source: str  # A gathered array, `linear` or `angular` velocity of bodies, or `info`
    index: Any  # Index into that array after the world axis; for `info` the key

    @property
    def text(self) -> str:
        """The doc preceded by the shape, as in a task's State."""
        sizes = ", ".join(["N", *map(str, self.shape)]) + ("," if not self.shape else "")
        return f"({sizes}) {self.doc}"


def physics_of(env: gymnasium.Env) -> tuple[mujoco.MjModel, mujoco.MjData] | None:
    """The MuJoCo model and data of an environment; None if it has none."""
    model, data = (getattr(env.unwrapped, name, None) for name in ("model", "data"))
    return (model, data) if isinstance(model, mujoco.MjModel) and isinstance(data, mujoco.MjData) else None


def fields_of(env: gymnasium.Env, info: Mapping[str, Any]) -> tuple[Field, ...]:
    """All fields of `env` but observation and actions; `info` has the numbers that every step reports, by key."""
    physics = physics_of(env)
    found = [*_model_fields(physics[0])] if physics else []
    found += [
        Field(f"info_{_word(key)}", (), f"as the environment's info[{key!r}]", "info", key)
        for key in sorted(info)
        if not any(answer in key.lower() for answer in _ANSWERS)
    ]
    return tuple(_unique(found, taken={"observation", "action", "last_action"}))


def numbers(info: Mapping[str, Any]) -> dict[str, float]:
    """The entries of an info that are single numbers."""
    return {k: float(v) for k, v in info.items() if isinstance(v, bool | int | float | np.number | np.bool_)}


class Reader:
    """Reads the fields of W environments."""

    def __init__(self, envs: Sequence[gymnasium.Env], fields: Sequence[Field]):
        """Read from `envs`, which are all of one id."""
        self._envs: list[Any] = [env.unwrapped for env in envs]
        self._fields = fields
        physics = physics_of(envs[0])
        self._root = physics[0].body_rootid if physics else None

    def read(self, infos: Mapping[str, Any]) -> dict[str, Tensor]:
        """(W, ...) float32 by name; `infos` is that of a vector environment, where a missing key counts as 0."""
        arrays = self._gather() if self._root is not None else {}
        found = {}
        for field in self._fields:
            if field.source == "info":
                found[field.name] = info_of(infos, field.index, len(self._envs)).float()
            else:
                part = np.ascontiguousarray(arrays[field.source][:, *field.index], dtype=np.float32)
                found[field.name] = torch.from_numpy(part)
        return found

    def _gather(self) -> dict[str, np.ndarray]:
        arrays = {name: np.stack([getattr(env.data, name) for env in self._envs]) for name in _GATHERED}
        spin = arrays["cvel"][..., :3]
        # MuJoCo gives a body's velocity at the centre of mass of its kinematic tree.
        lever = arrays["xpos"] - arrays["subtree_com"][:, self._root]
        return arrays | {"angular": spin, "linear": arrays["cvel"][..., 3:] + np.cross(spin, lever)}


def info_of(infos: Mapping[str, Any], key: str, count: int) -> Tensor:
    """(W,) float64 of one key of a vector environment's infos, 0 where it is missing."""
    if key not in infos:
        return torch.zeros(count, dtype=torch.float64)
    there = infos.get(f"_{key}", np.ones(count, dtype=bool))
    return torch.from_numpy(np.where(there, np.asarray(infos[key], dtype=np.float64), 0.0))


def _model_fields(model: mujoco.MjModel) -> Iterator[Field]:
    bodies = {i: model.body(i).name for i in range(1, model.nbody) if model.body(i).name}
    for i in range(model.njnt):
        name = model.joint(i).name
        if name:
            yield from _joint_fields(model, i, _word(name) + ("_joint" if name in bodies.values() else ""))
    for i, name in bodies.items():
        word = _word(name)
        yield Field(f"{word}_position", (3,), f"m, of the body {name}, world frame", "xpos", (i,))
        quaternion = f"unit quaternion wxyz, of the body {name}, world frame"
        yield Field(f"{word}_rotation", (4,), quaternion, "xquat", (i,))
        yield Field(f"{word}_linear_velocity", (3,), f"m/s, of the body {name}, world frame", "linear", (i,))
        spin = f"rad/s, of the body {name}, world frame"
        yield Field(f"{word}_angular_velocity", (3,), spin, "angular", (i,))
    for i in range(model.nsensor):
        name, size, at = model.sensor(i).name, int(model.sensor_dim[i]), int(model.sensor_adr[i])
        if name:
            kind = mujoco.mjtSensor(model.sensor_type[i]).name.removeprefix("mjSENS_").lower()
            doc = f"reading of the MuJoCo sensor {name}, a {kind}, in SI units"
            index = (at,) if size == 1 else (slice(at, at + size),)
            yield Field(f"sensor_{_word(name)}", () if size == 1 else (size,), doc, "sensordata", index)


def _joint_fields(model: mujoco.MjModel, i: int, word: str) -> Iterator[Field]:
    name, at, speed_at = model.joint(i).name, int(model.jnt_qposadr[i]), int(model.jnt_dofadr[i])
    match model.jnt_type[i]:
        case _JOINT.mjJNT_HINGE | _JOINT.mjJNT_SLIDE as kind:
            unit = "rad" if kind == _JOINT.mjJNT_HINGE else "m"
            axis = "(hinge)" if kind == _JOINT.mjJNT_HINGE else "(slide)"
            yield Field(f"{word}_position", (), f"{unit}, of the joint {name} {axis}", "qpos", (at,))
            yield Field(f"{word}_velocity", (), f"{unit}/s, of the joint {name} {axis}", "qvel", (speed_at,))
        case _JOINT.mjJNT_BALL:
            yield _part(f"{word}_rotation", "unit quaternion wxyz, of the ball joint", name, "qpos", at, 4)
            yield _part(f"{word}_angular_velocity", "rad/s, body frame, of the ball joint", name, "qvel", speed_at, 3)
        case _:
            yield _part(f"{word}_position", "m, world frame, of the free joint", name, "qpos", at, 3)
            yield _part(f"{word}_rotation", "unit quaternion wxyz, of the free joint", name, "qpos", at + 3, 4)
            yield _part(f"{word}_linear_velocity", "m/s, world frame, of the free joint", name, "qvel", speed_at, 3)
            doc = "rad/s, body frame, of the free joint"
            yield _part(f"{word}_angular_velocity", doc, name, "qvel", speed_at + 3, 3)


def _part(field: str, doc: str, joint: str, source: str, at: int, size: int) -> Field:
    return Field(field, (size,), f"{doc} {joint}", source, (slice(at, at + size),))


def _word(name: str) -> str:
    """A name in a form that can be part of an identifier."""
    word = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "unnamed"
    return f"the_{word}" if word[0].isdigit() or keyword.iskeyword(word) else word


def _unique(fields: Sequence[Field], taken: set[str]) -> Iterator[Field]:
    for field in fields:
        name, number = field.name, 2
        while name in taken:
            name, number = f"{field.name}_{number}", number + 1
        taken.add(name)
        yield Field(name, field.shape, field.doc, field.source, field.index)
