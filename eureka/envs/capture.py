"""Work on a GPU as CUDA graphs: recorded once, replayed ever after, without the host in between.

For one control step: an `Env` gives itself new tensors at every step. A graph needs them at fixed addresses, so a
recording ends with copies of what the step carried on into the tensors that it began from, and these are what the
environment holds between replays. On a device without graphs the function is called each time, under the same
discipline.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from eureka.envs.env import Env
from eureka.physics.graphs import Graph


class Capture:
    """A function without arguments, of what an environment carries and of tensors that stay where they are."""

    def __init__(self, env: Env, function: Callable[[], tuple[Tensor, ...]]):
        """Be ready to call `function`, which steps `env` once and gives tensors; nothing is recorded yet."""
        self._env, self._function = env, function
        self._graph: Graph | None = None
        self._outputs: tuple[Tensor, ...] = ()
        self._fixed: dict[str, Tensor] = {}

    def begin(self) -> None:
        """Take over what the environment carries now; to be called before a series of steps."""
        now = self._env.carried()
        if self._fixed:
            _settle(now, self._fixed)
        else:
            self._fixed = {name: value.clone() for name, value in now.items()}
        self._env.carry(self._fixed)
        if self._graph is None and self._env.physics.device.type == "cuda":
            self._record()

    def __call__(self) -> tuple[Tensor, ...]:
        """The function's result, which the next call may overwrite."""
        if self._graph is None:
            self._once()
        else:
            self._graph()
        return self._outputs

    def _once(self) -> None:
        places = _storages(self._fixed.values())
        # What is given of the state before the step lies where the state after it goes.
        self._outputs = tuple(o.clone() if _storages([o]) & places else o for o in self._function())
        _settle(self._env.carried(), self._fixed)
        self._env.carry(self._fixed)

    def _record(self) -> None:
        env = self._env
        before = {name: value.clone() for name, value in env.save().items()}
        # Libraries set themselves up at their first calls, which cannot be recorded.
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            self._once()
        torch.cuda.current_stream().wait_stream(side)
        env.load(before)
        _settle(env.carried(), self._fixed)
        env.carry(self._fixed)
        self._graph = Graph(self._once)


def _settle(values: dict[str, Tensor], fixed: dict[str, Tensor]) -> None:
    """Copy each value into its fixed place; one that lies in such a place is saved from it first."""
    places = _storages(fixed.values())
    moving = {name: value for name, value in values.items() if value is not fixed[name]}
    safe = {name: value.clone() if _storages([value]) & places else value for name, value in moving.items()}
    for name, value in safe.items():
        fixed[name].copy_(value)


def _storages(tensors: Iterable[Tensor]) -> set[int]:
    return {tensor.untyped_storage().data_ptr() for tensor in tensors if tensor.numel()}
