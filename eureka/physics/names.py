"""Access to a scene by the names of its bodies, sites, joints and sensors, the same on every backend.

Objects are made once and kept: a name is looked up when it is first used, which must not be within a CUDA graph (an
environment's reset and first step are not).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import mujoco
import torch
from torch import Tensor

from eureka.errors import UserError, did_you_mean
from eureka.rotation import multiply

_Object = TypeVar("_Object")


def _lacking(what: str, name: str, offered: list[str], more: str = "") -> AttributeError:
    # `contact` is like `act` in letters alone, and `data` like `sensordata`.
    nearest = [] if "contact" in name or name == "data" else difflib.get_close_matches(name, offered, n=1, cutoff=0.5)
    near = did_you_mean(name, nearest)
    return AttributeError(f"{what} has no {name}{near}; it has {', '.join(offered)}{more}")


@dataclass(frozen=True)
class Frame:
    """The frame of a body, at its origin, or of a site on it."""

    sim: Named
    body: int
    site: int | None = None
    turn: Tensor | None = None  # (4,) wxyz, from the site's frame to that of its body

    def __getattr__(self, name: str) -> Any:
        offered = ["position", "rotation", "linear_velocity", "angular_velocity"]
        raise _lacking("a body or site", name, offered)

    @property
    def position(self) -> Tensor:
        """(W, 3) m, world frame."""
        return self.sim.xpos[:, self.body] if self.site is None else self.sim.site_xpos[:, self.site]

    @property
    def rotation(self) -> Tensor:
        """(W, 4) unit quaternion wxyz, from this frame to the world frame."""
        turned = self.sim.xquat[:, self.body]
        return turned if self.turn is None else multiply(turned, self.turn.expand_as(turned))

    @property
    def linear_velocity(self) -> Tensor:
        """(W, 3) m/s, world frame."""
        # MuJoCo gives a body's velocity at the centre of mass of its kinematic tree.
        lever = self.position - self.sim.subtree_com[:, int(self.sim.model.body_rootid[self.body])]
        return self.sim.cvel[:, self.body, 3:] + torch.linalg.cross(self.angular_velocity, lever)

    @property
    def angular_velocity(self) -> Tensor:
        """(W, 3) rad/s, world frame."""
        return self.sim.cvel[:, self.body, :3]


@dataclass(frozen=True)
class Joint:
    """A joint: one number for a hinge or slide, several for a ball or free joint."""

    sim: Named
    qpos: int | slice
    qvel: int | slice

    def __getattr__(self, name: str) -> Any:
        raise _lacking("a joint", name, ["position", "velocity"])

    @property
    def position(self) -> Tensor:
        """A view of `qpos`: (W,) rad or m; (W, 4) of a ball joint; (W, 7) of a free joint, m and wxyz; writable."""
        return self.sim.qpos[:, self.qpos]

    @property
    def velocity(self) -> Tensor:
        """A view of `qvel`: (W,) rad/s or m/s; (W, 3) of a ball joint; (W, 6) of a free joint; writable.

        A free joint has m/s in the world frame, then rad/s in the body's frame; a ball joint the latter.
        """
        return self.sim.qvel[:, self.qvel]


class Named:
    """The part of `Sim` that is the same on every backend; the Protocol documents the members."""

    model: mujoco.MjModel
    num_worlds: int
    device: torch.device
    qpos: Tensor
    qvel: Tensor
    ctrl: Tensor
    act: Tensor
    mocap_pos: Tensor
    mocap_quat: Tensor
    xfrc_applied: Tensor
    xpos: Tensor
    xquat: Tensor
    site_xpos: Tensor
    cvel: Tensor
    subtree_com: Tensor
    qfrc_actuator: Tensor
    sensordata: Tensor
    cinert: Tensor
    qfrc_constraint: Tensor
    cfrc_ext: Tensor

    def __getattr__(self, name: str) -> Any:
        more = "; geoms and contacts: use sites and contact sensors, docs/tasks.md"
        raise _lacking("sim", name, _OFFERED, more)

    def __setattr__(self, name: str, value: Any) -> None:
        # A backend sets a view once; another tensor in its place would have no effect. `sim.ctrl += x` writes the view.
        if name in _VIEWS and self.__dict__.get(name, value) is not value:
            raise UserError(f"`sim.{name} = ...` would have no effect; write sim.{name}[:] = ...")
        near = [] if name.startswith("_") else difflib.get_close_matches(name, _VIEWS, n=1, cutoff=0.75)
        if near and near[0] != name:
            raise UserError(f"sim has no {name} (did you mean {near[0]!r}?); write sim.{near[0]}[:] = ...")
        super().__setattr__(name, value)

    def body(self, name: str) -> Frame:
        return self._named("body", name, lambda i: Frame(self, i))

    def site(self, name: str) -> Frame:
        def make(i: int) -> Frame:
            turn = torch.tensor(self.model.site_quat[i], dtype=self.xquat.dtype, device=self.device)
            return Frame(self, int(self.model.site_bodyid[i]), i, turn)

        return self._named("site", name, make)

    def joint(self, name: str) -> Joint:
        return self._named("joint", name, lambda i: _joint(self, i))

    def sensor(self, name: str) -> Tensor:
        def make(i: int) -> slice:
            start = int(self.model.sensor_adr[i])
            return slice(start, start + int(self.model.sensor_dim[i]))

        return self.sensordata[:, self._named("sensor", name, make)]

    def assign(self, mask: Tensor, *, qpos: Tensor | None = None, qvel: Tensor | None = None) -> None:
        for view, value in ((self.qpos, qpos), (self.qvel, qvel)):
            if value is not None:
                view.copy_(torch.where(mask[:, None], value.to(view.dtype), view))

    def _named(self, kind: str, name: str, make: Callable[[int], _Object]) -> _Object:
        known = self.__dict__.setdefault("_objects", {})
        by_name = isinstance(name, str)
        if not by_name or (kind, name) not in known:
            of_kind = getattr(mujoco.mjtObj, f"mjOBJ_{kind.upper()}")
            number = mujoco.mj_name2id(self.model, of_kind, name) if by_name else -1
            if number < 0:
                count = {"body": "nbody", "site": "nsite", "joint": "njnt", "sensor": "nsensor"}[kind]
                names = [getattr(self.model, kind)(i).name for i in range(getattr(self.model, count))]
                names = [given for given in names if given and (kind, given) != ("body", "world")]
                there = f"it has {', '.join(names)}" if names else "it has none with a name"
                if not by_name:
                    raise UserError(f"sim.{kind}({name!r}): give the name of a {kind}; the scene{there[2:]}")
                raise UserError(f"the scene has no {kind} named {name!r}{did_you_mean(name, names)}; {there}")
            known[kind, name] = make(number)
        return known[kind, name]


_VIEWS = [name for name, kind in Named.__annotations__.items() if kind == "Tensor"]
_OFFERED = [*Named.__annotations__, "body", "site", "joint", "sensor", "assign"]
"""What a task may use of `sim`."""


def _joint(sim: Named, i: int) -> Joint:
    at, speed_at = int(sim.model.jnt_qposadr[i]), int(sim.model.jnt_dofadr[i])
    match mujoco.mjtJoint(sim.model.jnt_type[i]):
        case mujoco.mjtJoint.mjJNT_FREE:
            size, speeds = 7, 6
        case mujoco.mjtJoint.mjJNT_BALL:
            size, speeds = 4, 3
        case _:
            return Joint(sim, at, speed_at)
    return Joint(sim, slice(at, at + size), slice(speed_at, speed_at + speeds))
