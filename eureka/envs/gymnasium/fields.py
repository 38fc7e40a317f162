"""The state fields of a Gymnasium environment for rewards, from its MuJoCo model, observation and info.

Positions and velocities of joints are those after the control step. Values of bodies and sensors are those that MuJoCo
computed at the start of its last time step, so they are one time step (some ms) old; recomputing them would change what
the environment itself reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import gymnasium
import mujoco
import numpy as np
import torch
from gymnasium.spaces import Box, Dict, MultiBinary, Space, Tuple, flatdim
from torch import Tensor

from eureka.physics.fields import Field, scene_fields, word

_GATHERED = ("qpos", "qvel", "xpos", "xquat", "site_xpos", "cvel", "subtree_com", "sensordata")

_ANSWERS = ("reward", "return", "fitness", "score", "penalty", "cost", "bonus")
"""Parts of the names of info keys and observation entries that reveal the environment's reward."""


def physics_of(env: gymnasium.Env) -> tuple[mujoco.MjModel, mujoco.MjData] | None:
    """The MuJoCo model and data of an environment; None if it has none."""
    model, data = (getattr(env.unwrapped, name, None) for name in ("model", "data"))
    return (model, data) if isinstance(model, mujoco.MjModel) and isinstance(data, mujoco.MjData) else None


def fields_of(env: gymnasium.Env, info: Iterable[str]) -> tuple[Field, ...]:
    """All fields of `env` but actions and an observation that is one vector; `info` has the keys in every step."""
    physics = physics_of(env)
    parts = parts_of(env.observation_space)
    found = [part for part in parts if not reveals(part.name)]
    found += scene_fields(physics[0]) if physics else []
    found += [
        Field(f"info_{word(key)}", (), f"as the environment's info[{key!r}]", "info", key)
        for key in sorted(info)
        if not reveals(key)
    ]
    return tuple(unique(found, taken={"action", "last_action"} | (set() if parts else {"observation"})))


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
    name = word("_".join(map(str, keys if named else ("observation", *keys))))
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


def unique(fields: Sequence[Field], taken: set[str]) -> Iterator[Field]:
    """The fields with names of their own, none of them in `taken`, to which theirs are added."""
    for field in fields:
        name, number = field.name, 2
        while name in taken:
            name, number = f"{field.name}_{number}", number + 1
        taken.add(name)
        yield replace(field, name=name)
