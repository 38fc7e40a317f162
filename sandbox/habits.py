"""Translation of common host-specific code to operations of a pure program; runs inside the jail."""

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
"""File name of the candidate's text in tracebacks."""


class Refused(Exception):
    """The candidate is at fault; the message is one sentence for its author."""

    def __init__(self, message: str, line: int | None = None):
        super().__init__(message)
        self.line = line


_DECORATORS = ("script", "script_if_tracing", "ignore", "export", "unused")


@contextlib.contextmanager
def without_jit() -> Iterator[None]:
    """Make TorchScript decorators, which published rewards use, return the function unchanged."""

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
    """Rewrites host-specific operations to pure ones, and records lines for error messages.

    Devices are dropped, `.item()` returns a tensor, uninitialised memory becomes zeros, and selection of worlds by a
    mask becomes `where`. The branch of `if mask.any():` is always taken: it is assumed not to change worlds outside the
    mask, which the self-test checks on single worlds.
    """

    def __init__(self, tracing: bool = True):
        super().__init__()
        self.tracing = tracing
        self.inputs: dict[str, Tensor] = {}
        self.anys: list[Tensor] = []
        self.assumed: int | None = None
        """The first line that branched on `any` over worlds."""
        self.mutated: tuple[str, int] | None = None
        """The first input that was changed in place, and the line."""
        self.specialised: int | None = None
        """The first line that works for the traced number of worlds only."""

    def watch(self, states: dict[str, Tensor]) -> None:
        """Watch these inputs for changes in place."""
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
                f"{func.__name__} is not available for rewards; write out the formula for small matrices",
                line_now() or None,
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
                # A copy, because the code may change it in place before writing it back.
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
"""Linear algebra that the verifier does not allow: it is complex, and a reward's matrices are 3 x 3."""
_ZEROED = {torch.empty: torch.zeros, torch.empty_like: torch.zeros_like, Tensor.new_empty: Tensor.new_zeros}


def _among(value: Any, tensors: list[Tensor]) -> bool:
    return any(value is t for t in tensors)


def _take_along(source: Tensor, index: Tensor, dim: int) -> Tensor:
    """`torch.take_along_dim` without its size comparison, which would fix the number of worlds."""
    dim = dim % source.dim()
    shape = [index.shape[d] if d == dim else source.shape[d] for d in range(source.dim())]
    return torch.gather(source, dim, index.expand(shape))


def line_now() -> int:
    """The current line of the reward's text; 0 if it is not running."""
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename == FILE:
            return frame.f_lineno
        frame = frame.f_back
    return 0


def _mask_of(index: Any) -> tuple[Tensor | None, tuple[Any, ...]]:
    """The boolean mask at the start of an index, and the rest of the index, moved behind the axes of the mask."""
    first, *rest = index if isinstance(index, tuple) else (index,)
    if not isinstance(first, Tensor) or first.dtype != torch.bool:
        return None, ()
    plain = all(r is None or r is Ellipsis or isinstance(r, int | slice) for r in rest)
    if not plain:
        return None, ()
    return first, (*[slice(None)] * first.dim(), *rest) if rest else ()


def _assign(target: Tensor, mask: Tensor, value: Any) -> None:
    """`target[mask] = value` without a gather, for a number or a `value` with the shape of `target`."""
    mask = mask.reshape(*mask.shape, *[1] * (target.dim() - mask.dim()))
    if not isinstance(value, Tensor):
        value = torch.full((), value, dtype=target.dtype)
    target.copy_(torch.where(mask, value.to(target.dtype), target))
