"""The dry run: infers every shape of a program and checks it against the limits before anything is computed."""

from __future__ import annotations

import functools
import gc
import math
import re
import types
from typing import Any

import torch
from torch import Tensor, fx
from torch._compile import _disable_dynamo

from .limits import MAX_PIECES, MAX_WORLDS, Limits, Rejected


class Size(int):
    """A size written as a multiple of N; not allowed as a number."""


_SELECTIONS = frozenset((torch.ops.aten.kthvalue.default, torch.ops.aten.median.dim))
"""Quickselect; its worst case compares every pair of numbers."""
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
"""Operations without computation."""

_CUTS = frozenset((torch.ops.aten.unbind.int, torch.ops.aten.split.Tensor, torch.ops.aten.split_with_sizes.default))


@functools.cache
def without_compiler() -> None:
    """Let operations on the meta device run without torch's compiler, whose import takes a second.

    torch excludes those that are written in Python from its compiler, and imports it for that when one of them first
    runs. This enters each function as its own excluded one, which does the same while nothing is compiled.
    """
    code = _disable_dynamo(lambda: None).__code__
    for entry in gc.get_objects():
        if type(entry) is types.FunctionType and entry.__code__ is code and entry.__closure__:
            excluded = entry.__closure__[code.co_freevars.index("fn")].cell_contents
            setattr(excluded, "__dynamo_disable", excluded)


def dry_run(module: fx.GraphModule, states: list[Tensor], worlds: int, limits: Limits, total: str) -> int:
    """Run a program on the meta device, without allocation; afterwards each node's `meta["val"]` has its shape.

    Args:
        module: the program.
        states: tensors of that device, one per input.
        worlds: N.
        limits: limits on the cost.
        total: name of the node of the total reward.

    Returns:
        The number of values computed per world.

    Raises:
        Rejected: a shape does not fit, or a limit is exceeded.
    """
    without_compiler()
    shapes = _Shapes(module, worlds, limits, total)
    shapes.run(*states)
    return shapes.work // worlds


class _Shapes(fx.Interpreter):
    def __init__(self, module: fx.GraphModule, worlds: int, limits: Limits, total: str):
        super().__init__(module)
        self.extra_traceback = False  # it would add torch's text to the messages
        self.worlds, self.limits, self.total, self.work, self.pieces = worlds, limits, total, 0, 0
        self.alive: dict[fx.Node, int] = {}

    def get_attr(self, target: Any, args: Any, kwargs: Any) -> Any:
        return super().get_attr(target, args, kwargs).to("meta")

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        return super().call_function(target, args, kwargs | ({"device": "meta"} if "device" in kwargs else {}))

    def run_node(self, n: fx.Node) -> Any:
        line = n.meta.get("line")
        try:
            if n.target in _CUTS:
                self._limit_pieces(n)
            result = super().run_node(n)
        except Rejected as rejection:
            raise Rejected(str(rejection), line) from None
        except Exception as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise Rejected(first[:200], line) from None
        n.meta["val"] = result
        if self.worlds > MAX_WORLDS and isinstance(result, Tensor) and list(result.shape).count(self.worlds) > 1:
            raise Rejected("the reward of one world depends on other worlds: shape (N, N); combine equal shapes", line)
        if n.op == "call_function":
            self._count_memory(n, result, line)
        if n.op == "call_function":
            tensors = [t for t in (result if isinstance(result, tuple | list) else [result]) if isinstance(t, Tensor)]
            self.pieces += len(tensors) - 1
            if self.pieces > 4 * MAX_PIECES:
                raise Rejected(f"splits tensors into more than {4 * MAX_PIECES} pieces", line)
            for t in tensors:
                if t.numel() > self.limits.width * self.worlds:
                    raise Rejected(f"an intermediate result of shape {tuple(t.shape)} is too large", line)
                self.work += t.numel() * self._depth(n)
            if n.target not in _VIEWS:  # inputs count too: a sum is one number from many
                read = sum(a.meta["val"].numel() for a in n.all_input_nodes if isinstance(a.meta["val"], Tensor))
                self.work += read * self._comparisons(n)
        if self.work > self.limits.work * self.worlds:
            raise Rejected(f"the reward computes more than {self.limits.work} numbers for each world", line)
        if n.kwargs.get("rounding_mode") == "trunc" and isinstance(result, Tensor) and not result.is_floating_point():
            # The smallest integer divided by -1 ends the process.
            raise Rejected("divides integers with rounding_mode='trunc'; convert them to float first", line)
        if n.name == self.total and isinstance(result, Tensor) and tuple(result.shape) != (self.worlds,):
            shape = re.sub(rf"\b{self.worlds}\b", "N", str(tuple(result.shape)))
            raise Rejected(f"the total reward has shape {shape}; it must be (N,), one number for each world")
        return result

    def _count_memory(self, n: fx.Node, result: Any, line: int | None) -> None:
        """Count the bytes alive at once; views count as copies."""
        tensors = [t for t in (result if isinstance(result, tuple | list) else [result]) if isinstance(t, Tensor)]
        self.alive[n] = sum(t.numel() * t.element_size() for t in tensors)
        if sum(self.alive.values()) > self.limits.memory * self.worlds:
            raise Rejected(f"the reward needs more than {self.limits.memory >> 10} kB for each world at once", line)
        for done in self.user_to_last_uses.get(n, ()):
            self.alive.pop(done, None)

    def _depth(self, n: fx.Node) -> int:
        """Number of terms in one entry of a matrix product; 1 for other operations."""
        if n.target not in _PRODUCTS:
            return 1
        positional, _ = self.fetch_args_kwargs_from_env(n)
        if n.target is torch.ops.aten._cdist_forward.default:
            return positional[1].shape[-1]
        return positional[-1 if n.target is not torch.ops.aten.addmm.default else 2].shape[-2]

    def _comparisons(self, n: fx.Node) -> int:
        """Maximum number of comparisons per input number in a selection; 1 for other operations."""
        if n.target not in _SELECTIONS:
            return 1
        positional, kwargs = self.fetch_args_kwargs_from_env(n)
        place = 1 if n.target is torch.ops.aten.median.dim else 2
        shape = positional[0].shape
        dim = kwargs.get("dim", positional[place] if len(positional) > place else -1)
        return shape[dim] if shape else 1

    def _limit_pieces(self, n: fx.Node) -> None:
        """Reject a split into too many pieces before it runs: each piece costs host memory."""
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
            raise Rejected(f"splits a tensor into {pieces} pieces; {MAX_PIECES} are allowed")


def clamp_index(index: Tensor, source: Tensor, dim: int, negative: bool) -> Tensor:
    """Clamp indices to the range of dimension `dim` of `source`; with `negative`, also from the end."""
    if index.dtype == torch.bool or index.dtype == torch.uint8:
        raise Rejected("selects worlds or entries by a mask, so the size depends on values; use torch.where")
    size = source.shape[dim]
    if size == 0 and index.numel():
        raise Rejected("indexes an empty tensor")
    return torch.clamp(index, -size if negative else 0, size - 1)


def per_world(value: Tensor, worlds: int) -> Tensor:
    """(N,) float32 from a tensor of shape (N,) or with a single number."""
    if value.dim() == 1 and value.shape[0] == worlds:
        return value.to(torch.float32)
    if value.numel() == 1:
        return value.reshape(()).to(torch.float32).expand(worlds)
    shape = re.sub(rf"\b{worlds}\b", "N", str(tuple(value.shape)))
    raise Rejected(f"a component has shape {shape}; it must be (N,), one number for each world")
