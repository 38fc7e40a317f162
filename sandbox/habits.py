"""Translation of common host-specific code to operations of a pure program; runs inside the jail."""

from __future__ import annotations

import contextlib
import datetime
import re
import statistics  # noqa: F401
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import numpy.random  # noqa: F401 - watched, and a child cannot import it; a text may also ask for `statistics`
import torch
from torch import Tensor
from torch._subclasses.functional_tensor import FunctionalTensor
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils._mode_utils import no_dispatch

from .results import TESTED_WORLDS
from .text import FILE

UNSEEN = "?"
"""The text of a value that is formatted while tracing: no number and no identifier, so nothing can depend on it."""


COUNTS_WORLDS = (
    "the reward computes with the number of worlds N, but may depend on its own world only: use dim=-1 in means and "
    "sums, and no x.shape[0] in arithmetic or loops"
)


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


_WATCHED = ("__bool__", "__repr__", "tolist")
"""Methods that torch's functional tensors have of their own, which `HostHabits` would not see."""


def _adaptations() -> Iterator[tuple[Any, str, Any]]:
    """Attributes that published rewards use, and what replaces them while a text runs."""

    def same(function: Any = None, *_: Any, **__: Any) -> Any:
        return function if function is not None else same

    def nothing(*_: Any, **__: Any) -> None:
        return None

    def no_grad(mode: Any = True) -> Any:
        return torch.no_grad(mode) if callable(mode) else torch.no_grad()

    yield torch, "inference_mode", no_grad  # in which functionalization imports torch's compiler
    yield from ((torch.jit, name, same) for name in ("script", "script_if_tracing", "ignore", "export", "unused"))
    yield torch, "compile", same
    yield from ((torch, name, nothing) for name in ("set_default_device", "set_default_tensor_type"))
    yield from ((torch.cuda, name, nothing) for name in ("synchronize", "empty_cache", "set_device", "init"))
    yield torch.cuda, "current_device", lambda: 0
    yield torch.distributions.Distribution, "_validate_args", False  # it would look at values
    yield datetime, "datetime", _Datetime
    yield from ((FunctionalTensor, name, getattr(Tensor, name)) for name in _WATCHED)
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


def formatted(text: str, values: Any) -> str:
    """`text % values`, where values that are not known yet are not shown."""
    parts = values if isinstance(values, tuple) else values.values() if isinstance(values, dict) else (values,)
    try:
        return UNSEEN if any(isinstance(part, FunctionalTensor) for part in parts) else text % values
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

    def __init__(self, worlds: int = 0, constant: Callable[[Tensor], Tensor | None] | None = None):
        """Watch the recording of a reward; without arguments, run it without a recording.

        Args:
            worlds: N.
            constant: returns the plain tensor of one that does not depend on the state, else None.
        """
        super().__init__()
        self.worlds, self._constant = worlds, constant
        self.tracing = constant is not None
        self.inputs: dict[str, Any] = {}
        self.anys: list[Tensor] = []
        self.assumed: int | None = None
        """The first line that branched on `any` over worlds."""
        self.mutated: tuple[str, int] | None = None
        """The first input that was changed in place, and the line."""

    def watch(self, states: dict[str, Tensor]) -> None:
        """Watch these inputs for changes in place."""
        self.inputs = dict(states)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        line = line_now()
        try:
            result = self._call(func, args, dict(kwargs or {}))
        except Exception as error:
            shapes = [tuple(t.shape) for t in pytree.tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
            error.shapes = getattr(error, "shapes", shapes)  # type: ignore[attr-defined]
            error.worlds = self.worlds or TESTED_WORLDS  # type: ignore[attr-defined]
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
            mutated = torch._functionalize_has_data_mutation  # type: ignore[attr-defined]
            self.mutated = next(((n, line) for n, x in self.inputs.items() if mutated(x.elem)), None)

    def _call(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        if self.tracing and func in _READS:
            return self._read(func, args, kwargs)
        if self.tracing and func in (Tensor.unbind, torch.unbind):  # also of loops over a tensor
            dim = kwargs.get("dim", args[1] if len(args) > 1 else 0)
            if args[0].shape[dim] == self.worlds:
                raise ReadsValues
        if self.tracing and func in (Tensor.__repr__, Tensor.__str__):
            return UNSEEN
        if func is Tensor.__format__:
            try:
                return UNSEEN if self.tracing else func(*args, **kwargs)
            except TypeError:
                return UNSEEN
        if func is Tensor.item:
            if self.worlds in args[0].shape:
                raise ReadsValues
            return args[0].reshape(())
        if getattr(func, "__self__", None) is Tensor.data:
            return args[0]
        if getattr(func, "__name__", "").removeprefix("linalg_") in _UNAVAILABLE:
            raise Refused(
                f"{func.__name__} is not available for rewards; write out the formula for small matrices",
                line_now() or None,
            )
        if self.tracing and func is torch.nn.functional.one_hot:
            return _one_hot(*args, **kwargs)
        if func is torch.take_along_dim and "dim" in kwargs:
            return _take_along(*args, **kwargs)
        if self.tracing and func is Tensor.__getitem__:
            mask, rest = _mask_of(args[1])
            if mask is not None:
                # A copy, because the code may change it in place before writing it back.
                return (args[0][rest] if rest else args[0]).clone()
        if self.tracing and func is Tensor.__setitem__:
            first = args[1][0] if isinstance(args[1], tuple) and args[1] else args[1]
            if type(first) is int and args[0].shape[:1] == (self.worlds,):
                raise Refused(COUNTS_WORLDS, line_now())
            mask, rest = _mask_of(args[1])
            if mask is not None:
                target = args[0][rest] if rest else args[0]
                with torch._C.DisableTorchFunction():
                    return _assign(target, mask, args[2])
        return super()._call(_INSTEAD.get(func, func), args, kwargs)

    def _read(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Python reads a tensor's values, which works for constants."""
        if func is Tensor.__bool__ and _among(args[0], self.anys):
            return True
        assert self._constant is not None
        with torch._C.DisableTorchFunction():
            plain = [self._constant(a) if isinstance(a, Tensor) else a for a in args]
        if any(a is None and b is not None for a, b in zip(plain, args, strict=True)):
            raise ReadsValues
        with no_dispatch():
            return func(*plain, **kwargs)


_UNAVAILABLE = frozenset(
    "det inv inverse slogdet solve lstsq pinv eig eigh eigvals svd svdvals qr cholesky matrix_exp lu_factor".split()  # noqa: SIM905
)
"""Linear algebra that the verifier does not allow: it is complex, and a reward's matrices are 3 x 3."""
_READS = frozenset((Tensor.__bool__, Tensor.__float__, Tensor.__int__, Tensor.__index__, Tensor.__complex__,
                    Tensor.__array__, Tensor.tolist, Tensor.numpy,
                    torch.equal, Tensor.equal, torch.allclose, Tensor.allclose))  # fmt: skip
_INSTEAD = {
    torch.empty: torch.zeros,
    torch.empty_like: torch.zeros_like,
    Tensor.new_empty: Tensor.new_zeros,
    Tensor.__iand__: Tensor.bitwise_and_,  # functionalization knows the method, not the operator
    Tensor.__ior__: Tensor.bitwise_or_,
    Tensor.__ixor__: Tensor.bitwise_xor_,
}


def _among(value: Any, tensors: list[Tensor]) -> bool:
    return any(value is t for t in tensors)


def _take_along(source: Tensor, index: Tensor, dim: int) -> Tensor:
    """`torch.take_along_dim` without its size comparison, which would fix the number of worlds."""
    dim = dim % source.dim()
    shape = [index.shape[d] if d == dim else source.shape[d] for d in range(source.dim())]
    return torch.gather(source, dim, index.expand(shape))


def _one_hot(source: Tensor, num_classes: int = -1) -> Tensor:
    """`torch.nn.functional.one_hot` without its checks of values."""
    if num_classes < 0:
        raise ReadsValues
    return (source[..., None] == torch.arange(num_classes)).long()


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
