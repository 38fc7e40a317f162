"""CUDA graphs: work on a GPU recorded once and replayed with one call, without the host in between."""

from __future__ import annotations

import gc
from collections.abc import Callable

import torch
from torch import Tensor


class GraphedFunction:
    """A function of tensors and of others that change in place, replayed from its second call on."""

    def __init__(self, function: Callable[..., tuple[Tensor, ...]], device: torch.device):
        """On a device without graphs, `function` is called each time."""
        self._function, self._graphs = function, device.type == "cuda"
        self._graph: Graph | None = None
        self._inputs: list[Tensor] = []
        self._outputs: tuple[Tensor, ...] = ()

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The function's result, which the next call may overwrite."""
        if not self._graphs:
            return self._function(*inputs)
        if not self._inputs:  # libraries set themselves up at their first calls, which cannot be recorded
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
    """Work whose tensors never move, captured at once and run by each call.

    The work must have run before (kernels load and libraries allocate at their first use), must not read a value back
    to the host, and leaves its results in tensors that its author holds on to.

    Garbage collection is suspended meanwhile: freeing a tensor of an earlier graph is an act that a capture forbids.

    The extra memory pool is for MuJoCo Warp. Its solver loops on the GPU by a conditional node, and CUDA offers no way
    to insert one but to end the capture and begin it again into the same graph, which gives the capture a new number.
    Torch (2.13) tells by that number which allocations belong to the graph. After the first physics step it would
    serve the rest of the captured code from memory that it lends to others later. A pool bound to this thread instead
    of the number catches those allocations.
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
