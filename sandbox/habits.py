"""Translation of common host-specific code to operations of a pure program; runs inside the jail."""

from __future__ import annotations

import contextlib
import datetime
import re
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch._subclasses import FakeTensor
from torch.fx import traceback as fx_traceback
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from .text import FILE

UNSEEN = "?"
"""The text of a value that is formatted while tracing: no number and no identifier, so nothing can depend on it."""


class Refused(Exception):
    """The candidate is at fault; the message is one sentence for its author."""

    def __init__(self, message: str, line: int | None = None):
        super().__init__(message)
        self.line = line


class ReadsValues(Exception):
    """Python asked for a tensor's values, or for its worlds one by one."""


impure: list[tuple[str, int]] = []
"""What the text did while it was defined that differs between two calls, and the line; harmless if nothing uses it."""


def _differs(what: str) -> None:
    """Refuse an action in a function of the text; note it if it happens at the top of the text."""
    frame = _frame()
    if frame is not None and frame.f_code.co_name == "<module>":
        impure.append((what, frame.f_lineno))
    elif frame is not None:
        raise Refused(f"the reward {what}; it may depend on the state alone", frame.f_lineno)


_CHANCE, _CLOCK = "draws random numbers", "reads a clock"
_OUTSIDE = (
    ("random", "random uniform randint randrange choice choices sample shuffle gauss normalvariate", _CHANCE),
    ("numpy.random", "rand randn randint random uniform normal choice permutation shuffle standard_normal", _CHANCE),
    ("os", "urandom", _CHANCE),
    ("time", "time time_ns perf_counter perf_counter_ns monotonic monotonic_ns process_time", _CLOCK),
)
_RANDOM = re.compile(
    r"(rand|randn|randint)(_like)?|randperm|(bernoulli|normal|poisson|multinomial)_?|(\w+_)?dropout\w*"
    r"|(uniform|random|exponential|log_normal|cauchy|geometric)_"
)


def _watched(function: Callable[..., Any], what: str) -> Callable[..., Any]:
    """A function of Python that a reward may not call; others may."""

    def call(*args: Any, **kwargs: Any) -> Any:
        if sys._getframe(1).f_code.co_filename == FILE:
            _differs(what)
        return function(*args, **kwargs)

    return call


class _Datetime(datetime.datetime):
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        if sys._getframe(1).f_code.co_filename == FILE:
            _differs(_CLOCK)
        return super().now(tz)

    today = utcnow = now


def _adaptations() -> Iterator[tuple[Any, str, Any]]:
    """Attributes that published rewards use, and what replaces them while a text runs."""

    def same(function: Any = None, *_: Any, **__: Any) -> Any:
        return function if function is not None else same

    def nothing(*_: Any, **__: Any) -> None:
        return None

    yield from ((torch.jit, name, same) for name in ("script", "script_if_tracing", "ignore", "export", "unused"))
    yield torch, "compile", same
    yield from ((torch, name, nothing) for name in ("set_default_device", "set_default_tensor_type"))
    yield from ((torch.cuda, name, nothing) for name in ("synchronize", "empty_cache", "set_device", "init"))
    yield torch.cuda, "current_device", lambda: 0
    yield torch.distributions.Distribution, "_validate_args", False  # it would look at values
    yield torch.SymInt, "__format__", lambda size, spec: UNSEEN if spec else str(size)
    yield datetime, "datetime", _Datetime
    for home, names, what in _OUTSIDE:
        module = sys.modules.get(home)
        yield from ((module, name, _watched(getattr(module, name), what)) for name in names.split() if module)


@contextlib.contextmanager
def adapted() -> Iterator[None]:
    """Make TorchScript decorators and the choice of a device do nothing, and refuse random numbers and clocks."""
    before = []
    try:
        for home, name, value in _adaptations():
            before.append((home, name, getattr(home, name)))
            setattr(home, name, value)
        yield
    finally:
        for home, name, value in reversed(before):
            setattr(home, name, value)


def length(value: Any) -> Any:
    """`len` that leaves a number of worlds symbolic."""
    return value.shape[0] if isinstance(value, Tensor) and value.dim() else len(value)


def formatted(text: str, values: Any) -> str:
    """`text % values`, where values that are not known yet are not shown."""
    parts = values if isinstance(values, tuple) else values.values() if isinstance(values, dict) else (values,)
    try:
        return UNSEEN if any(isinstance(part, torch.SymInt | FakeTensor) for part in parts) else text % values
    except Exception:
        if any(isinstance(part, Tensor) for part in parts):
            return UNSEEN
        raise


class WithoutDevices(TorchFunctionMode):
    """Drops devices, and refuses random numbers in functions of the text."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return self._call(func, args, dict(kwargs or {}))

    def _call(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        if _RANDOM.fullmatch(getattr(func, "__name__", "")) and kwargs.get("training") is not False:
            _differs(_CHANCE)
        if "device" in kwargs and kwargs["device"] is not None:
            kwargs["device"] = "cpu"
        if func in (Tensor.cuda, Tensor.cpu):
            return args[0]
        if func is Tensor.to and len(args) > 1 and isinstance(args[1], str | torch.device):
            args = (args[0], *args[2:])
            if len(args) == 1 and not set(kwargs) - {"device", "non_blocking", "copy"}:
                return args[0]
        return func(*args, **kwargs)


class HostHabits(WithoutDevices):
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
        """The first line that works for some numbers of worlds only."""

    def watch(self, states: dict[str, Tensor]) -> None:
        """Watch these inputs for changes in place."""
        self.inputs = dict(states)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        line = line_now()
        try:
            with fx_traceback.annotate({"line": line}):
                result = self._call(func, args, dict(kwargs or {}))
        except Exception as error:
            shapes = [tuple(t.shape) for t in pytree.tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
            error.shapes = getattr(error, "shapes", shapes)  # type: ignore[attr-defined]
            raise
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
        worlds: list[Any] = [getattr(x.shape[0], "node", None) for x in self.inputs.values()]
        if self.specialised is None and all(worlds):
            conditions = [guard.expr for guard in worlds[0].shape_env.guards]  # of two symbols: two fields have one N
            if any(n.expr.is_number for n in worlds) or any(len(c.free_symbols) == 1 for c in conditions):
                self.specialised = line

    def _call(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        if any(isinstance(a, torch.SymBool) for a in args):
            raise TypeError("SymBool")
        if self.tracing and func in _READS:
            return self._read(func, args, kwargs)
        if self.tracing and func in (Tensor.unbind, torch.unbind):  # also of loops over a tensor
            dim = kwargs.get("dim", args[1] if len(args) > 1 else 0)
            if isinstance(args[0].shape[dim], torch.SymInt):
                raise ReadsValues
        if func is Tensor.__format__:
            try:
                return UNSEEN if self.tracing else func(*args, **kwargs)
            except TypeError:
                return UNSEEN
        if func is Tensor.item:
            if any(isinstance(n, torch.SymInt) for n in args[0].shape):
                raise ReadsValues
            return args[0].reshape(())
        if getattr(func, "__self__", None) is Tensor.data:
            return args[0]
        if getattr(func, "__name__", "").removeprefix("linalg_") in _UNAVAILABLE:
            raise Refused(
                f"{func.__name__} is not available for rewards; write out the formula for small matrices",
                line_now() or None,
            )
        if func is torch.take_along_dim and "dim" in kwargs:
            return _take_along(*args, **kwargs)
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
        return super()._call(_ZEROED.get(func, func), args, kwargs)

    def _read(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Python reads a tensor's values, which works for constants."""
        if func is Tensor.__bool__ and _among(args[0], self.anys):
            return True
        if any(isinstance(n, torch.SymInt) for n in args[0].shape[:1]):
            raise ReadsValues
        try:
            return func(*args, **kwargs)
        except Exception:
            raise ReadsValues from None


_UNAVAILABLE = frozenset(
    "det inv inverse slogdet solve lstsq pinv eig eigh eigvals svd svdvals qr cholesky matrix_exp lu_factor".split()  # noqa: SIM905
)
"""Linear algebra that the verifier does not allow: it is complex, and a reward's matrices are 3 x 3."""
_READS = frozenset((Tensor.__bool__, Tensor.__float__, Tensor.__int__, Tensor.__index__, Tensor.__complex__,
                    Tensor.__array__, Tensor.tolist, Tensor.numpy,
                    torch.equal, Tensor.equal, torch.allclose, Tensor.allclose))  # fmt: skip
_ZEROED = {torch.empty: torch.zeros, torch.empty_like: torch.zeros_like, Tensor.new_empty: Tensor.new_zeros}


def _among(value: Any, tensors: list[Tensor]) -> bool:
    return any(value is t for t in tensors)


def _take_along(source: Tensor, index: Tensor, dim: int) -> Tensor:
    """`torch.take_along_dim` without its size comparison, which would fix the number of worlds."""
    dim = dim % source.dim()
    shape = [index.shape[d] if d == dim else source.shape[d] for d in range(source.dim())]
    return torch.gather(source, dim, index.expand(shape))


def _frame() -> FrameType | None:
    """The innermost running function of the reward's text."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_filename != FILE:
        frame = frame.f_back
    return frame


def line_now() -> int:
    """The current line of the reward's text; 0 if it is not running."""
    frame = _frame()
    return frame.f_lineno if frame is not None else 0


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
