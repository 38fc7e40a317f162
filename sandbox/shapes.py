"""The dry run: every shape of a program inferred and held against the limits before anything is computed."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, fx

from .limits import MAX_PIECES, Limits, Rejected


class Size(int):
    """A size that was written as a multiple of N: no number to compute with."""


_SELECTIONS = frozenset((torch.ops.aten.kthvalue.default, torch.ops.aten.median.dim))
"""Quickselect, whose worst case is every pair of numbers."""
_PRODUCTS = frozenset(getattr(torch.ops.aten, name).default for name in ("mm", "bmm", "addmm", "_cdist_forward"))
_VIEWS = frozenset(
    getattr(getattr(torch.ops.aten, name), overload)
    for name, overload in (
        ("reshape", "default"),
        ("expand", "default"),
        ("permute", "default"),
        ("transpose", "int"),
        ("t", "default"),
        ("unsqueeze", "default"),
        ("squeeze", "dim"),
        ("squeeze", "dims"),
        ("squeeze", "default"),
        ("select", "int"),
        ("slice", "Tensor"),
        ("unbind", "int"),
        ("split", "Tensor"),
        ("split_with_sizes", "default"),
        ("diagonal", "default"),
        ("alias", "default"),
        ("detach", "default"),
    )
)
"""Operations that compute nothing."""

_CUTS = frozenset((torch.ops.aten.unbind.int, torch.ops.aten.split.Tensor, torch.ops.aten.split_with_sizes.default))


def dry_run(module: fx.GraphModule, states: list[Tensor], worlds: int, limits: Limits, total: str) -> int:
    """Run a program on fake tensors, which allocate nothing; afterwards each node's `meta["val"]` has its shape.

    Args:
        module: the program.
        states: fake tensors, one an input.
        worlds: N.
        limits: what it may cost.
        total: name of the node that is the total reward.

    Returns:
        How many numbers it computes for one world.

    Raises:
        Rejected: a shape does not fit, or a limit is passed.
    """
    shapes = _Shapes(module, worlds, limits, total)
    shapes.run(*states)
    return shapes.work // worlds


class _Shapes(fx.Interpreter):
    def __init__(self, module: fx.GraphModule, worlds: int, limits: Limits, total: str):
        super().__init__(module)
        self.extra_traceback = False  # it would add torch's own words to our sentences
        self.worlds, self.limits, self.total, self.work, self.pieces = worlds, limits, total, 0, 0
        self.alive: dict[fx.Node, int] = {}

    def run_node(self, n: fx.Node) -> Any:
        line = n.meta.get("line")
        try:
            if n.target in _CUTS:
                self._few_pieces(n)
            result = super().run_node(n)
        except Rejected as rejection:
            raise Rejected(str(rejection), line) from None
        except Exception as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise Rejected(first[:200], line) from None
        n.meta["val"] = result
        if n.op == "call_function":
            self._count_memory(n, result, line)
        if n.op == "call_function":
            tensors = [t for t in (result if isinstance(result, tuple | list) else [result]) if isinstance(t, Tensor)]
            self.pieces += len(tensors) - 1
            if self.pieces > 4 * MAX_PIECES:
                raise Rejected(f"cuts tensors into over {4 * MAX_PIECES} pieces", line)
            for t in tensors:
                if t.numel() > self.limits.width * self.worlds:
                    raise Rejected(f"an intermediate result of shape {tuple(t.shape)} is too large", line)
                self.work += t.numel() * self._depth(n)
            if n.target not in _VIEWS:  # what it reads counts too: a sum is one number made of many
                read = sum(a.meta["val"].numel() for a in n.all_input_nodes if isinstance(a.meta["val"], Tensor))
                self.work += read * self._compared(n)
        if self.work > self.limits.work * self.worlds:
            raise Rejected(f"the reward computes over {self.limits.work} numbers for each world", line)
        if n.kwargs.get("rounding_mode") == "trunc" and isinstance(result, Tensor) and not result.is_floating_point():
            # The least integer divided by -1 ends the process.
            raise Rejected("divides integers with rounding_mode='trunc'; make them float first", line)
        if n.name == self.total and isinstance(result, Tensor) and tuple(result.shape) != (self.worlds,):
            shape = str(tuple(result.shape)).replace(str(self.worlds), "N")
            raise Rejected(f"the total reward has shape {shape}; it must be (N,), one number for each world")
        return result

    def _count_memory(self, n: fx.Node, result: Any, line: int | None) -> None:
        """Bytes alive at once, views counted as if they were copies."""
        tensors = [t for t in (result if isinstance(result, tuple | list) else [result]) if isinstance(t, Tensor)]
        self.alive[n] = sum(t.numel() * t.element_size() for t in tensors)
        if sum(self.alive.values()) > self.limits.memory * self.worlds:
            raise Rejected(f"the reward holds over {self.limits.memory >> 10} kB for each world at once", line)
        for done in self.user_to_last_uses.get(n, ()):
            self.alive.pop(done, None)

    def _depth(self, n: fx.Node) -> int:
        """Numbers that one number of a result is made from, where that can be many."""
        if n.target not in _PRODUCTS:
            return 1
        positional, _ = self.fetch_args_kwargs_from_env(n)
        if n.target is torch.ops.aten._cdist_forward.default:
            return positional[1].shape[-1]
        return positional[-1 if n.target is not torch.ops.aten.addmm.default else 2].shape[-2]

    def _compared(self, n: fx.Node) -> int:
        """How often a number that is read may be looked at."""
        if n.target not in _SELECTIONS:
            return 1
        positional, kwargs = self.fetch_args_kwargs_from_env(n)
        place = 1 if n.target is torch.ops.aten.median.dim else 2
        shape = positional[0].shape
        dim = kwargs.get("dim", positional[place] if len(positional) > place else -1)
        return shape[dim] if shape else 1

    def _few_pieces(self, n: fx.Node) -> None:
        """Refuse to cut a tensor into thousands of pieces before it is done: each costs the host memory."""
        positional, kwargs = self.fetch_args_kwargs_from_env(n)
        args = list(positional)
        if n.target is torch.ops.aten.unbind.int:
            pieces = args[0].shape[kwargs.get("dim", args[1] if len(args) > 1 else 0)]
        elif n.target is torch.ops.aten.split.Tensor:
            dim = kwargs.get("dim", args[2] if len(args) > 2 else 0)
            pieces = math.ceil(args[0].shape[dim] / max(1, args[1]))
        else:
            pieces = len(args[1])
        if pieces > MAX_PIECES:
            raise Rejected(f"cuts a tensor into {pieces} pieces; {MAX_PIECES} are allowed")


def clamp_index(index: Tensor, source: Tensor, dim: int, negative: bool) -> Tensor:
    """Indices for dimension `dim` of `source`, none out of range; from the end too where `negative`."""
    if index.dtype == torch.bool or index.dtype == torch.uint8:
        raise Rejected("selects worlds or entries by a mask, so that its size depends on values; use torch.where")
    size = source.shape[dim]
    if size == 0 and index.numel():
        raise Rejected("takes an entry of a tensor that has none")
    return torch.clamp(index, -size if negative else 0, size - 1)


def per_world(value: Tensor, worlds: int) -> Tensor:
    """(N,) float32 from a tensor of shape (N,) or a single number."""
    if value.dim() == 1 and value.shape[0] == worlds:
        return value.to(torch.float32)
    if value.numel() == 1:
        return value.reshape(()).to(torch.float32).expand(worlds)
    raise Rejected(f"a component has shape {tuple(value.shape)}; it must be (N,), one number for each world")
