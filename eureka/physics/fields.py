"""State fields by the names of a scene: its joints, bodies, sites and sensors."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import mujoco
from torch import Tensor

from eureka.physics.base import Sim
from eureka.physics.names import Frame

_JOINT = mujoco.mjtJoint


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


def read(sim: Sim, field: Field) -> Tensor:
    """(W, ...) float32 values of a field of the scene."""
    match field.source:
        case "linear":
            value = Frame(sim, field.index[0]).linear_velocity  # type: ignore[arg-type]
        case "angular":
            value = Frame(sim, field.index[0]).angular_velocity  # type: ignore[arg-type]
        case source:
            value = getattr(sim, source)[(slice(None), *field.index)]
    return value.float()


def scene_fields(model: mujoco.MjModel) -> Iterator[Field]:
    """The fields of the joints, bodies, sites and sensors that have a name; several may have the same one."""
    bodies = {i: model.body(i).name for i in range(1, model.nbody) if model.body(i).name}
    for i in range(model.njnt):
        name = model.joint(i).name
        if name:
            yield from _joint_fields(model, i, word(name) + ("_joint" if name in bodies.values() else ""))
    for i, name in bodies.items():
        prefix = word(name)
        yield Field(f"{prefix}_position", (3,), f"m, of the body {name}, world frame", "xpos", (i,))
        quaternion = f"unit quaternion wxyz, of the body {name}, world frame"
        yield Field(f"{prefix}_rotation", (4,), quaternion, "xquat", (i,))
        yield Field(f"{prefix}_linear_velocity", (3,), f"m/s, of the body {name}, world frame", "linear", (i,))
        spin = f"rad/s, of the body {name}, world frame"
        yield Field(f"{prefix}_angular_velocity", (3,), spin, "angular", (i,))
    for i in range(model.nsite):
        if name := model.site(i).name:
            yield Field(f"{word(name)}_position", (3,), f"m, of the site {name}, world frame", "site_xpos", (i,))
    for i in range(model.nsensor):
        name, size, at = model.sensor(i).name, int(model.sensor_dim[i]), int(model.sensor_adr[i])
        if name:
            kind = mujoco.mjtSensor(model.sensor_type[i]).name.removeprefix("mjSENS_").lower()
            doc = f"reading of the MuJoCo sensor {name}, a {kind}, in SI units"
            index = (at,) if size == 1 else (slice(at, at + size),)
            yield Field(f"sensor_{word(name)}", () if size == 1 else (size,), doc, "sensordata", index)


def _joint_fields(model: mujoco.MjModel, i: int, word: str) -> Iterator[Field]:
    name, at, speed_at = model.joint(i).name, int(model.jnt_qposadr[i]), int(model.jnt_dofadr[i])
    match model.jnt_type[i]:
        case _JOINT.mjJNT_HINGE | _JOINT.mjJNT_SLIDE as kind:
            unit = "rad" if kind == _JOINT.mjJNT_HINGE else "m"
            axis = "(hinge)" if kind == _JOINT.mjJNT_HINGE else "(slide)"
            yield Field(f"{word}_position", (), f"{unit}, of the joint {name} {axis}", "qpos", (at,))
            yield Field(f"{word}_velocity", (), f"{unit}/s, of the joint {name} {axis}", "qvel", (speed_at,))
        case _JOINT.mjJNT_BALL:
            yield _part(
                f"{word}_rotation",
                "unit quaternion wxyz, in the parent body's frame, of the ball joint",
                name,
                "qpos",
                at,
                4,
            )
            yield _part(f"{word}_angular_velocity", "rad/s, body frame, of the ball joint", name, "qvel", speed_at, 3)
        case _:
            yield _part(f"{word}_position", "m, world frame, of the free joint", name, "qpos", at, 3)
            yield _part(
                f"{word}_rotation", "unit quaternion wxyz, world frame, of the free joint", name, "qpos", at + 3, 4
            )
            yield _part(f"{word}_linear_velocity", "m/s, world frame, of the free joint", name, "qvel", speed_at, 3)
            doc = "rad/s, body frame, of the free joint"
            yield _part(f"{word}_angular_velocity", doc, name, "qvel", speed_at + 3, 3)


def _part(field: str, doc: str, joint: str, source: str, at: int, size: int) -> Field:
    return Field(field, (size,), f"{doc} {joint}", source, (slice(at, at + size),))


def word(name: str) -> str:
    """A name in a form that can be part of an identifier."""
    word = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "unnamed"
    return f"the_{word}" if word[0].isdigit() or keyword.iskeyword(word) else word
