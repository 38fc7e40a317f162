"""The state fields of a Gymnasium environment for rewards, from its MuJoCo model, observation and info.

Positions and velocities of joints are those after the control step. Values of bodies and sensors are those that MuJoCo
computed at the start of its last time step, so they are one time step (some ms) old; recomputing them would change what
the environment itself reads.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gymnasium
import mujoco
import numpy as np
import torch
from gymnasium.spaces import Box, Dict, MultiBinary, Space, Tuple, flatdim
from torch import Tensor

_JOINT = mujoco.mjtJoint
_GATHERED = ("qpos", "qvel", "xpos", "xquat", "cvel", "subtree_com", "sensordata")

_ANSWERS = ("reward", "return", "fitness", "score", "penalty", "cost", "bonus")
"""Parts of the names of info keys and observation entries that reveal the environment's reward."""


@dataclass(frozen=True)
class Field:
    """One state field: its description, and its place in the gathered arrays."""

    name: str
    shape: tuple[int, ...]  # Without the leading N
    doc: str
    source: str  # A gathered array, `linear` or `angular` velocity of bodies, `observation`, or `info`
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


def fields_of(env: gymnasium.Env, info: Iterable[str]) -> tuple[Field, ...]:
    """All fields of `env` but actions and an observation that is one vector; `info` has the keys in every step."""
    physics = physics_of(env)
    parts = parts_of(env.observation_space)
    found = [part for part in parts if not reveals(part.name)]
    found += _model_fields(physics[0]) if physics else []
    found += [
        Field(f"info_{_word(key)}", (), f"as the environment's info[{key!r}]", "info", key)
        for key in sorted(info)
        if not reveals(key)
    ]
    return tuple(_unique(found, taken={"action", "last_action"} | (set() if parts else {"observation"})))


def reveals(name: str) -> bool:
    """Whether a name reveals the environment's reward."""
    return any(answer in name.lower() for answer in _ANSWERS)


def parts_of(space: Space) -> list[Field]:
    """The entries of a Dict or Tuple observation in the order of the flattened vector; none for other spaces."""
    return list(_parts(space, (), 0)) if isinstance(space, Dict | Tuple) else []


def _parts(space: Space, keys: tuple[Any, ...], at: int) -> Iterator[Field]:
    if isinstance(space, Dict | Tuple):
        for key, inner in space.spaces.items() if isinstance(space, Dict) else enumerate(space.spaces):
            yield from _parts(inner, (*keys, key), at)
            at += flatdim(inner)
        return
    size, named = flatdim(space), all(isinstance(key, str) for key in keys[:1])
    shape = tuple(space.shape) if isinstance(space, Box | MultiBinary) else (size,)
    path = "".join(f"[{key!r}]" for key in keys)
    kind = "" if isinstance(space, Box | MultiBinary) else f", a {type(space).__name__} as one-hot numbers"
    name = _word("_".join(map(str, keys if named else ("observation", *keys))))
    yield Field(name, shape, f"entry {path} of the observation{kind}", "observation", slice(at, at + size))


class Reader:
    """Reads the fields of W environments."""

    def __init__(self, envs: Sequence[gymnasium.Env], fields: Sequence[Field]):
        """Read from `envs`, which are all of one id."""
        self._envs: list[Any] = [env.unwrapped for env in envs]
        self._fields = fields
        physics = physics_of(envs[0])
        self._root = physics[0].body_rootid if physics else None

    def read(self, seen: Tensor, told: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """(W, ...) float32 by name, from the observations `seen` (W, O) and the numbers of the info (W,) by key."""
        arrays = self._gather() if self._root is not None else {}
        found = {}
        for field in self._fields:
            if field.source == "info":
                found[field.name] = told[field.index].float()
            elif field.source == "observation":
                found[field.name] = seen[:, field.index].reshape(-1, *field.shape)
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
        yield replace(field, name=name)
