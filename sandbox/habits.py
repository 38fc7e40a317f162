"""Habits of code written for one machine and one moment, turned into what a pure program can say. Inside the jail."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.fx import traceback as fx_traceback
from torch.overrides import TorchFunctionMode

FILE = "reward.py"
"""What the candidate's text is called in tracebacks."""


class Refused(Exception):
    """The candidate is at fault; the message is one sentence for it to read."""

    def __init__(self, message: str, line: int | None = None):
        super().__init__(message)
        self.line = line


_DECORATORS = ("script", "script_if_tracing", "ignore", "export", "unused")


@contextlib.contextmanager
def without_jit() -> Iterator[None]:
    """TorchScript decorators, which published rewards carry, change nothing here."""

    def same(function: Any = None, *_: Any, **__: Any) -> Any:
        return function if function is not None else same

    places: list[tuple[Any, str]] = [(torch.jit, name) for name in _DECORATORS] + [(torch, "compile")]
    before = [getattr(home, name) for home, name in places]
    for home, name in places:
        setattr(home, name, same)
    try:
        yield
    finally:
        for (home, name), value in zip(places, before, strict=True):
            setattr(home, name, value)


class HostHabits(TorchFunctionMode):
    """Rewrites what people write for one machine and one moment into what a pure program can say.

    Devices are dropped, `.item()` keeps its number as a tensor, memory that would be left as it is becomes zeros, and
    selecting worlds by a mask becomes `where`. `if mask.any():` is taken, as it is meant: what follows does nothing to
    the worlds that the mask leaves out, which the self-test tries on worlds alone.

    On the way it notes in which lines a message will be interested.
    """

    def __init__(self, tracing: bool = True):
        super().__init__()
        self.tracing = tracing
        self.inputs: dict[str, Tensor] = {}
        self.anys: list[Tensor] = []
        self.assumed: int | None = None
        """The first line that branched on whether any world fulfils something."""
        self.mutated: tuple[str, int] | None = None
        """The first input that was changed in place, and where."""
        self.specialised: int | None = None
        """The first line that worked for the traced number of worlds only."""

    def watch(self, states: dict[str, Tensor]) -> None:
        """Take note of what happens to these."""
        self.inputs = dict(states)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        line = line_now()
        with fx_traceback.annotate({"line": line}):
            result = self._call(func, args, dict(kwargs or {}))
        if self.tracing:
            self._note(func, args, result, line)
        return result

    def _note(self, func: Any, args: Any, result: Any, line: int) -> None:
        if func in (Tensor.any, torch.any) or (func is Tensor.item and _among(args[0], self.anys)):
            self.anys.append(result)
        if func is Tensor.__bool__ and _among(args[0], self.anys):
            self.assumed = self.assumed or line
        if self.mutated is None:
            self.mutated = next(((n, line) for n, x in self.inputs.items() if x._version > 0), None)
        worlds: Any = next((x.shape[0] for x in self.inputs.values()), None)
        if self.specialised is None and isinstance(worlds, torch.SymInt):
            self.specialised = line if worlds.node.shape_env.replacements else None

    def _call(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        if "device" in kwargs and kwargs["device"] is not None:
            kwargs["device"] = "cpu"
        if func in (Tensor.cuda, Tensor.cpu):
            return args[0]
        if func is Tensor.to and len(args) > 1 and isinstance(args[1], str | torch.device):
            args = (args[0], *args[2:])
            if len(args) == 1 and not set(kwargs) - {"device", "non_blocking", "copy"}:
                return args[0]
        if func is Tensor.item:
            return args[0].reshape(())
        if getattr(func, "__self__", None) is Tensor.data:
            return args[0]
        if getattr(func, "__name__", "").removeprefix("linalg_") in _UNAVAILABLE:
            raise Refused(
                f"{func.__name__} is not there for rewards; write small matrices' formulas out", line_now() or None
            )
        if func in _ZEROED:
            return _ZEROED[func](*args, **kwargs)
        if func is torch.take_along_dim and "dim" in kwargs:
            return _take_along(*args, **kwargs)
        if self.tracing and func is Tensor.__bool__ and _among(args[0], self.anys):
            return True
        if self.tracing and func is Tensor.__getitem__:
            mask, rest = _mask_of(args[1])
            if mask is not None:
                # A copy: what follows may change it in place before it is written back.
                return (args[0][rest] if rest else args[0]).clone()
        if self.tracing and func is Tensor.__setitem__:
            mask, rest = _mask_of(args[1])
            if mask is not None:
                target = args[0][rest] if rest else args[0]
                with torch._C.DisableTorchFunction():
                    return _assign(target, mask, args[2])
        return func(*args, **kwargs)


_UNAVAILABLE = frozenset(
    "det inv inverse slogdet solve lstsq pinv eig eigh eigvals svd svdvals qr cholesky matrix_exp lu_factor".split()  # noqa: SIM905
)
"""Linear algebra that the verifier does not let in: it is large, and a reward's matrices are 3 x 3."""
_ZEROED = {torch.empty: torch.zeros, torch.empty_like: torch.zeros_like, Tensor.new_empty: Tensor.new_zeros}


def _among(value: Any, tensors: list[Tensor]) -> bool:
    return any(value is t for t in tensors)


def _take_along(source: Tensor, index: Tensor, dim: int) -> Tensor:
    """`torch.take_along_dim` without its comparison of sizes, which would pin the number of worlds."""
    dim = dim % source.dim()
    shape = [index.shape[d] if d == dim else source.shape[d] for d in range(source.dim())]
    return torch.gather(source, dim, index.expand(shape))


def line_now() -> int:
    """The line of the reward's text that is running, 0 if none is."""
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename == FILE:
            return frame.f_lineno
        frame = frame.f_back
    return 0


def _mask_of(index: Any) -> tuple[Tensor | None, tuple[Any, ...]]:
    """The boolean mask that an index begins with, and what follows it, moved behind the axes of the mask."""
    first, *rest = index if isinstance(index, tuple) else (index,)
    if not isinstance(first, Tensor) or first.dtype != torch.bool:
        return None, ()
    plain = all(r is None or r is Ellipsis or isinstance(r, int | slice) for r in rest)
    if not plain:
        return None, ()
    return first, (*[slice(None)] * first.dim(), *rest) if rest else ()


def _assign(target: Tensor, mask: Tensor, value: Any) -> None:
    """`target[mask] = value` without gathering: `value` is a number, or has the shape of `target`."""
    mask = mask.reshape(*mask.shape, *[1] * (target.dim() - mask.dim()))
    if not isinstance(value, Tensor):
        value = torch.full((), value, dtype=target.dtype)
    target.copy_(torch.where(mask, value.to(target.dtype), target))
