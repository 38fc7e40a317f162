"""Capture of one control step as a CUDA graph.

An `Env` allocates new state tensors at every step, but a graph needs fixed addresses. A captured step therefore ends
with copies of the new state into the tensors that it started from, which the environment holds between replays. On a
device without graphs the function is called each time, with the same copies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from eureka.envs.env import Env
from eureka.physics.graphs import Graph


class Capture:
    """A captured function of an environment's step state and of tensors with fixed addresses."""

    def __init__(self, env: Env, function: Callable[[], tuple[Tensor, ...]]):
        """Prepare to capture `function`, which steps `env` once and returns tensors."""
        self._env, self._function = env, function
        self._graph: Graph | None = None
        self._outputs: tuple[Tensor, ...] = ()
        self._fixed: dict[str, Tensor] = {}

    def begin(self) -> None:
        """Move the environment's current state to the fixed tensors; call this before a series of steps."""
        now = self._env.step_state()
        if self._fixed:
            _copy_into(now, self._fixed)
        else:
            self._fixed = {name: value.clone() for name, value in now.items()}
        self._env.set_step_state(self._fixed)
        if self._graph is None and self._env.physics.device.type == "cuda":
            self._record()

    def __call__(self) -> tuple[Tensor, ...]:
        """Run one step and return the function's result; the next call may overwrite it."""
        if self._graph is None:
            self._once()
        else:
            self._graph()
        return self._outputs

    def _once(self) -> None:
        places = _storages(self._fixed.values())
        # Outputs that share memory with the old state would be overwritten by the new state.
        self._outputs = tuple(o.clone() if _storages([o]) & places else o for o in self._function())
        _copy_into(self._env.step_state(), self._fixed)
        self._env.set_step_state(self._fixed)

    def _record(self) -> None:
        env = self._env
        before = {name: value.clone() for name, value in env.save().items()}
        # The first call initialises libraries, which a capture does not allow.
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            self._once()
        torch.cuda.current_stream().wait_stream(side)
        env.load(before)
        _copy_into(env.step_state(), self._fixed)
        env.set_step_state(self._fixed)
        self._graph = Graph(self._once)


def _copy_into(values: dict[str, Tensor], fixed: dict[str, Tensor]) -> None:
    """Copy each value into its fixed tensor; values that share memory with a fixed tensor are cloned first."""
    places = _storages(fixed.values())
    moving = {name: value for name, value in values.items() if value is not fixed[name]}
    safe = {name: value.clone() if _storages([value]) & places else value for name, value in moving.items()}
    for name, value in safe.items():
        fixed[name].copy_(value)


def _storages(tensors: Iterable[Tensor]) -> set[int]:
    return {tensor.untyped_storage().data_ptr() for tensor in tensors if tensor.numel()}
