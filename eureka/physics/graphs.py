"""CUDA graphs: GPU work captured once and replayed with a single launch."""

from __future__ import annotations

import gc
from collections.abc import Callable

import torch
from torch import Tensor


class GraphedFunction:
    """A function of tensors (others may change in place), captured on its second call and then replayed."""

    def __init__(self, function: Callable[..., tuple[Tensor, ...]], device: torch.device):
        """Wrap `function`; on a device without CUDA graphs every call runs it."""
        self._function, self._graphs = function, device.type == "cuda"
        self._graph: Graph | None = None
        self._inputs: list[Tensor] = []
        self._outputs: tuple[Tensor, ...] = ()

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the function's result; the next call may overwrite it."""
        if not self._graphs:
            return self._function(*inputs)
        if not self._inputs:  # the first call initialises libraries, which a capture does not allow
            self._inputs = [value.clone() for value in inputs]
            return self._function(*self._inputs)
        for fixed, value in zip(self._inputs, inputs, strict=True):
            fixed.copy_(value)
        if self._graph is None:
            self._graph = Graph(self._record)
        self._graph()
        return self._outputs

    def _record(self) -> None:
        self._outputs = self._function(*self._inputs)


class Graph:
    """Work on tensors with fixed addresses, captured at construction and replayed by each call.

    The work must have run before (kernels load and libraries allocate on first use), must not copy values to the host,
    and must leave its results in tensors that the caller keeps alive.

    Garbage collection is off during the capture, which does not allow freeing a tensor of an earlier graph.

    The extra memory pool is for MuJoCo Warp. Its solver loops with a conditional node. To insert one, CUDA must end the
    capture and begin it again into the same graph, which changes the capture id. Torch (2.13) assigns allocations to
    the graph by that id. After the first physics step it would use memory that it later hands out again. A pool bound
    to the thread, not to the id, holds those allocations.
    """

    def __init__(self, work: Callable[[], None]):
        """Capture `work` on a side stream of the current device; it does not run yet."""
        self._graph, self._pool = torch.cuda.CUDAGraph(), torch.cuda.MemPool()
        torch.cuda.synchronize()
        gc.collect()
        enabled = gc.isenabled()
        gc.disable()
        try:
            with (
                torch.cuda.graph(self._graph, capture_error_mode="thread_local"),
                torch.cuda.use_mem_pool(self._pool),
            ):
                work()
        finally:
            if enabled:
                gc.enable()

    def __call__(self) -> None:
        """Run the work on the current stream."""
        self._graph.replay()
