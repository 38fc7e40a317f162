"""One control step as one CUDA graph: recorded once, replayed ever after, at the speed of the device.

An `Env` gives itself new tensors at every step. A graph needs them at fixed addresses, so a recording ends with
copies of what the step carried on into the tensors that it began from, and these are what the environment holds
between replays. On a device without graphs the function is called each time, under the same discipline.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

import torch
from torch import Tensor

from eureka.env import Env


class Capture:
    """A function without arguments, of an environment's carried tensors and of others that stay where they are."""

    def __init__(self, env: Env, function: Callable[[], tuple[Tensor, ...]]):
        """Be ready to call `function`, which steps `env` once and gives tensors; nothing is recorded yet."""
        self._env, self._function = env, function
        self._graph: torch.cuda.CUDAGraph | None = None
        self._outputs: tuple[Tensor, ...] = ()
        self._fixed: dict[str, Tensor] = {}

    def begin(self) -> None:
        """Take over what the environment holds now; to be called before a series of calls."""
        now = self._env.carried()
        if not self._fixed:
            self._fixed = {name: value.clone() for name, value in now.items()}
            if self._env.physics.device.type == "cuda":
                self._record()
        else:
            _settle(now, self._fixed)
        self._env.carry(self._fixed)

    def __call__(self) -> tuple[Tensor, ...]:
        """The function's result; on a graph's device at the same addresses each time."""
        if self._graph is None:
            self._outputs = self._once()
        else:
            self._graph.replay()
        return self._outputs

    def _once(self) -> tuple[Tensor, ...]:
        outputs = self._function()
        _settle(self._env.carried(), self._fixed)
        self._env.carry(self._fixed)
        return outputs

    def _record(self) -> None:
        env = self._env
        before = {name: value.clone() for name, value in env.save().items()}
        # Libraries set themselves up at the first calls, which must not be recorded.
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):
                env.carry(self._fixed)
                self._once()
        torch.cuda.current_stream().wait_stream(side)
        env.load(before)
        _settle(env.carried(), self._fixed)
        env.carry(self._fixed)
        graph = torch.cuda.CUDAGraph()
        # A collection in the middle could destroy another graph, and its end would be recorded here.
        collecting = gc.isenabled()
        gc.disable()
        try:
            with torch.cuda.graph(graph):
                self._outputs = self._once()
        finally:
            if collecting:
                gc.enable()
        self._graph = graph


def _settle(values: dict[str, Tensor], fixed: dict[str, Tensor]) -> None:
    """Copy each value into its fixed place; one that lies in another's place is saved from it first."""
    places = {tensor.data_ptr(): name for name, tensor in fixed.items()}
    safe = {
        name: value.clone() if places.get(value.data_ptr(), name) != name else value for name, value in values.items()
    }
    for name, tensor in fixed.items():
        if safe[name] is not tensor:
            tensor.copy_(safe[name])
