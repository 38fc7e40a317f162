"""Recording of a reward's tensor operations while it runs on a given number of worlds; runs inside the jail.

Two recordings with different numbers of worlds make a program: an integer that is k * N in both becomes that size, and
whatever else differs depends on the number of worlds. torch's own tracers find sizes by symbols instead, but importing
them takes longer than all the rest of the server's start.
"""

from __future__ import annotations

import functools
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch._decomp import _core_aten_decompositions_post_autograd
from torch._subclasses.functional_tensor import FunctionalTensor, FunctionalTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from . import advice
from .graph import VERSION
from .habits import COUNTS_WORLDS, Refused, line_now
from .ops import ALLOWED
from .shapes import without_compiler

without_compiler()  # before a text runs: a child cannot import it
_CONSTANT = "constant"
_GET = "get"
_DROPPED = ("device", "layout", "pin_memory", "memory_format", "non_blocking")
_COUNTS = frozenset(f"aten.arange.{overload}" for overload in ("default", "start", "start_step"))
"""Operations that may count worlds."""


@functools.cache
def decompositions() -> dict[Any, Any]:
    """Decompositions of operations that a program may not use; cached because it is slow to build."""
    return {op: made for op, made in _core_aten_decompositions_post_autograd().items() if str(op) not in ALLOWED}


@dataclass(frozen=True)
class Value:
    """A value of the recording, by its position."""

    position: int


@dataclass(frozen=True)
class Operation:
    """An operation of the recording, or a constant."""

    name: str
    args: tuple[Any, ...] = ()
    kwargs: tuple[tuple[str, Any], ...] = ()
    line: int = 0
    tensor: Tensor | None = None
    """The data of a constant."""


class Functional(FunctionalTensorMode):
    """torch's functionalization, without its import of torch's compiler."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def _sync_view_replay_annotations(self, args: Any, kwargs: Any) -> None:
        """Do nothing: these are notes for a tracer of torch."""

    __torch_dispatch__ = getattr(FunctionalTensorMode.__torch_dispatch__, "__wrapped__")  # noqa: B009


class Recorder(TorchDispatchMode):
    """Records operations on tensors below functionalization, where they are pure, and runs them."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else torch would import its compiler to exclude this class from it

    @classmethod
    def is_infra_mode(cls) -> bool:
        return True

    def __init__(self, inputs: Sequence[Tensor]):
        super().__init__()
        self._mode_key = torch._C._TorchDispatchModeKey.PROXY  # that of torch's tracer: below functionalization
        self.inputs = len(inputs)
        self.operations: list[Operation] = []
        self._kept: list[Tensor] = []
        """Every tensor of the recording, since `_positions` knows them by their identity."""
        self._positions: dict[int, int] = {}
        self._state: list[bool] = []
        """For each value, whether it depends on an input."""
        for tensor in inputs:
            self._keep(tensor, True)

    def position(self, tensor: Tensor) -> int:
        """The position of a tensor; one that was made outside is a constant."""
        if id(tensor) not in self._positions:
            self.operations.append(Operation(_CONSTANT, line=line_now(), tensor=tensor.detach().clone()))
            self._keep(tensor, False)
        return self._positions[id(tensor)]

    def constant(self, tensor: Tensor) -> Tensor | None:
        """The plain tensor of one that the reward holds, if it is the same in all states."""
        if isinstance(tensor, FunctionalTensor):
            tensor = tensor.from_functional()
        return None if self._state[self.position(tensor)] else tensor

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if str(func) not in ALLOWED:
            with self:
                result = decompositions().get(func, func.decompose)(*args, **kwargs)
            if result is not NotImplemented:
                return result
        if func is torch.ops.aten.lift_fresh.default:  # of torch.tensor
            func = torch.ops.aten.lift_fresh_copy.default
        taken = tuple(self._argument(a) for a in args)
        named = tuple((k, self._argument(a)) for k, a in kwargs.items() if k not in _DROPPED)
        known = any(self._state[p] for p in _positions([*taken, *(a for _, a in named)]))
        if func._schema.is_mutable:
            raise Refused(advice.MUTATES.format(advice.KEPT), line_now())
        allowed = str(func) in ALLOWED
        if known and not allowed and torch.Tag.dynamic_output_shape in func.tags:
            raise Refused(advice.VALUES_DECIDE_SIZE, line_now())
        result = func(*args, **kwargs)
        if not (known or allowed):
            return result  # of constants, a constant
        self.operations.append(Operation(str(func), taken, named, line_now()))
        whole = self._keep(result, known)
        if isinstance(result, tuple | list):
            for place, part in enumerate(result):
                if isinstance(part, Tensor):
                    self.operations.append(Operation(_GET, (Value(whole), place)))
                    self._keep(part, known)
        return result

    def _keep(self, result: Any, state: bool) -> int:
        if isinstance(result, Tensor):
            self._positions[id(result)] = len(self._kept)
        self._kept.append(result)
        self._state.append(state)
        return len(self._kept) - 1

    def _argument(self, a: Any) -> Any:
        if isinstance(a, Tensor):
            return Value(self.position(a))
        if isinstance(a, tuple | list):
            return tuple(self._argument(x) for x in a)
        return a

    def live(self, outputs: Sequence[int]) -> list[int]:
        """The positions of the operations that outputs need, in order."""
        needed, todo = set(), list(outputs)
        while todo:
            position = todo.pop()
            if position >= self.inputs and position not in needed:
                needed.add(position)
                operation = self.operations[position - self.inputs]
                todo += _positions([*operation.args, *(a for _, a in operation.kwargs)])
        return sorted(needed)

    def size_of(self, position: int, dim: int) -> int:
        """The size of a value's axis."""
        return self._kept[position].shape[dim]


def _positions(arguments: Sequence[Any]) -> Iterator[int]:
    for a in arguments:
        if isinstance(a, Value):
            yield a.position
        elif isinstance(a, tuple):
            yield from _positions(a)


class Writer:
    """Writes two recordings of a reward in the format of `graph.py`."""

    def __init__(self, one: Recorder, two: Recorder, worlds: tuple[int, int]):
        """Take the recordings, and the number of worlds in each."""
        self._one, self._two, self._worlds = one, two, worlds
        self._places: dict[tuple[int, int], int] = {(i, i): i for i in range(one.inputs)}

    def text(self, inputs: list[str], components: list[str], outputs: tuple[list[int], list[int]]) -> str:
        """The program; `outputs` are the positions of the results in each recording."""
        one, two = self._one.live(outputs[0]), self._two.live(outputs[1])
        nodes = []
        for p, q in zip(one, two, strict=False):
            a, b = self._one.operations[p - self._one.inputs], self._two.operations[q - self._two.inputs]
            if a.name != b.name:
                raise Refused(COUNTS_WORLDS, a.line or None)
            nodes.append(self._constant(a, b) if a.tensor is not None else self._operation(a, b))
            self._places[p, q] = len(inputs) + len(nodes) - 1
        if len(one) != len(two):
            longer = max((self._one, one), (self._two, two), key=lambda r: len(r[1]))
            raise Refused(COUNTS_WORLDS, longer[0].operations[longer[1][-1] - longer[0].inputs].line or None)
        graph = {
            "version": VERSION,
            "inputs": inputs,
            "nodes": nodes,
            "outputs": [self._both(Value(p), Value(q)) for p, q in zip(*outputs, strict=True)],
            "components": components,
        }
        return json.dumps(graph, allow_nan=False, separators=(",", ":"))

    def _constant(self, a: Operation, b: Operation) -> dict[str, Any]:
        assert a.tensor is not None and b.tensor is not None
        if a.tensor.shape != b.tensor.shape or not torch.equal(a.tensor.nan_to_num(), b.tensor.nan_to_num()):
            raise Refused(COUNTS_WORLDS, a.line or None)
        data = [self._both(x, x) for x in a.tensor.reshape(-1).tolist()]
        return {"op": _CONSTANT, "dtype": _name(a.tensor.dtype), "shape": list(a.tensor.shape), "data": data}

    def _operation(self, a: Operation, b: Operation) -> dict[str, Any]:
        try:
            if a.name == "aten.slice.Tensor":
                a, b = self._without_whole_ends(a, b)
            args = self._both(a.args, b.args)
            if a.name not in _COUNTS and any(isinstance(x, dict) and "size" in x for x in args):
                raise _Counts
            if [name for name, _ in a.kwargs] != [name for name, _ in b.kwargs]:
                raise _Counts
            named = zip(a.kwargs, b.kwargs, strict=True)
            kwargs = {name: self._both(x, y) for (name, x), (_, y) in named}
        except _Counts:
            raise Refused(COUNTS_WORLDS, a.line or None) from None
        except Refused as refusal:
            raise Refused(str(refusal), a.line or None) from None
        entry: dict[str, Any] = {"op": a.name, "args": args}
        return entry | ({"kwargs": kwargs} if kwargs else {}) | ({"line": a.line} if a.line and a.name != _GET else {})

    def _without_whole_ends(self, a: Operation, b: Operation) -> tuple[Operation, Operation]:
        """A slice up to the end of its tensor, `x[:N]`, becomes one without an end."""
        if len(a.args) < 4 or len(b.args) < 4 or a.args[3] == b.args[3]:
            return a, b
        sizes = (self._one.size_of(a.args[0].position, a.args[1]), self._two.size_of(b.args[0].position, b.args[1]))
        if (a.args[3], b.args[3]) != sizes:
            return a, b
        return replace(a, args=(*a.args[:3], sys.maxsize)), replace(b, args=(*b.args[:3], sys.maxsize))

    def _both(self, a: Any, b: Any) -> Any:
        """An argument in the format, from those of both recordings."""
        if type(a) is not type(b):
            raise _Counts
        if isinstance(a, tuple):
            if len(a) != len(b):
                raise _Counts
            return [self._both(x, y) for x, y in zip(a, b, strict=True)]
        if isinstance(a, Value):
            place = self._places.get((a.position, b.position))
            if place is None:
                raise _Counts
            return {"value": place}
        if isinstance(a, float):
            if a != b and not (math.isnan(a) and math.isnan(b)):
                raise _Counts
            return a if math.isfinite(a) else {"float": repr(a)}
        if a is None or isinstance(a, bool | int | str | torch.dtype):
            if a != b:
                return self._size(a, b)
            return {"dtype": _name(a)} if isinstance(a, torch.dtype) else {"text": a} if isinstance(a, str) else a
        raise Refused(f"a tensor operation has an argument of type {type(a).__name__}, which a reward cannot use")

    def _size(self, a: Any, b: Any) -> dict[str, int]:
        one, two = self._worlds
        if type(a) is not int or a <= 0 or a % one or a // one * two != b:
            raise _Counts
        return {"size": a // one}


class _Counts(Exception):
    """The recordings differ."""


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
