"""Capture and restore of an environment's state as arrays, for checkpoints.

Gymnasium has no such function. A snapshot holds MuJoCo's state, the derived data that environments read, all numbers
and arrays of the environment and its wrappers, and the state of the random generator. Whether that is complete for an
environment is tested by a trial (`GymnasiumTask.exact`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import gymnasium
import mujoco
import numpy as np

from eureka.envs.gymnasium.fields import physics_of

_STATE = mujoco.mjtState.mjSTATE_INTEGRATION
_DERIVED = (
    "xpos", "xquat", "xmat", "xipos", "ximat", "xanchor", "xaxis", "geom_xpos", "geom_xmat", "site_xpos", "site_xmat",
    "subtree_com", "subtree_linvel", "subtree_angmom", "cinert", "crb", "cvel", "cacc", "cfrc_int", "cfrc_ext", "qacc",
    "qfrc_bias", "qfrc_passive", "qfrc_actuator", "qfrc_constraint", "qfrc_smooth", "actuator_force",
    "actuator_length", "actuator_velocity", "ten_length", "ten_velocity", "sensordata",
)  # fmt: skip
"""Fields of MuJoCo's data that an environment may read before a step, computed at an earlier time."""
_RANDOM = "_np_random"
_RANDOM_SIZE = 256


def capture(env: gymnasium.Env) -> dict[str, np.ndarray]:
    """All numbers and arrays of one environment, by place."""
    found: dict[str, np.ndarray] = {}
    for depth, layer in enumerate(_layers(env)):
        for name, value in vars(layer).items():
            array = _as_array(value)
            if array is not None:
                found[f"{depth}/{name}"] = array
        random = vars(layer).get(_RANDOM)
        if random is not None:
            found[f"{depth}/{_RANDOM}"] = _random_state(random)
    physics = physics_of(env)
    if physics:
        model, data = physics
        state = np.empty(mujoco.mj_stateSize(model, _STATE))
        mujoco.mj_getState(model, data, state, _STATE)
        found["state"] = state
        found |= {f"data/{name}": np.array(getattr(data, name)) for name in _DERIVED}
    return found


def restore(env: gymnasium.Env, saved: dict[str, np.ndarray]) -> None:
    """Restore a captured state in an environment of the same id, which was reset before."""
    for depth, layer in enumerate(_layers(env)):
        own = {k.partition("/")[2]: v for k, v in saved.items() if k.startswith(f"{depth}/")}
        for name, value in own.items():
            if name == _RANDOM:
                layer._np_random.bit_generator.state = json.loads(bytes(value).rstrip())
            else:
                vars(layer)[name] = _as_before(vars(layer).get(name), value)
    physics = physics_of(env)
    if physics:
        model, data = physics
        mujoco.mj_setState(model, data, saved["state"], _STATE)
        mujoco.mj_forward(model, data)
        mujoco.mj_setState(model, data, saved["state"], _STATE)  # `mj_forward` changed the warm start
        for name in _DERIVED:
            getattr(data, name)[:] = saved[f"data/{name}"]


def stack(captured: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray] | None:
    """(W, ...) by place, from W environments; None if their places or shapes differ."""
    first = {name: value.shape for name, value in captured[0].items()}
    if any({name: value.shape for name, value in other.items()} != first for other in captured):
        return None
    return {name: np.stack([other[name] for other in captured]) for name in first}


def _layers(env: Any) -> Iterator[Any]:
    yield env
    while env is not env.unwrapped:
        env = env.env
        yield env


def _as_array(value: Any) -> np.ndarray | None:
    if isinstance(value, bool | np.bool_):
        return np.array(value, dtype=np.bool_)
    if isinstance(value, int | np.integer):
        return np.array(value, dtype=np.int64) if -(2**63) <= int(value) < 2**63 else None
    if isinstance(value, float | np.floating):
        return np.array(value, dtype=np.float64 if isinstance(value, float) else value.dtype)
    if isinstance(value, np.ndarray) and value.dtype.name in ("float64", "float32", "int64", "int32", "uint8", "bool"):
        return value.copy()
    return None


def _as_before(present: Any, value: np.ndarray) -> Any:
    """A saved value in the type of the value that it replaces."""
    if value.ndim or isinstance(present, np.ndarray):
        return value.copy()
    return type(present)(value) if isinstance(present, np.generic) else value.item()


def _random_state(random: np.random.Generator) -> np.ndarray:
    text = json.dumps(random.bit_generator.state, default=lambda x: x.tolist()).encode()
    return np.frombuffer(text.ljust(_RANDOM_SIZE), dtype=np.uint8).copy()
