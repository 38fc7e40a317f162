"""What a reward returns, checked with messages in the words of its author."""

from __future__ import annotations

import numbers
import re
import types
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .graph import NAME, RESERVED
from .limits import Limits
from .text import FUNCTION

HARD_CODED = (
    "the number of worlds N differs between runs: write torch.zeros_like(field) or x.new_zeros(x.shape[0]) instead of "
    "a fixed number"
)
TRACED_WORLDS = (1010, 53)
"""Numbers of worlds for which a reward is recorded: one even, one odd, both hardly sizes of a state field."""
TESTED_WORLDS = 29
"""The same for the self-test."""


class BadResult(Exception):
    """A reward returned something else than total and components; the message is one sentence."""


def sizes(shape: Any, worlds: int) -> str:
    """A shape in words; N is the number of worlds."""
    rows = [size // worlds if size and size % worlds == 0 else 0 for size in shape]
    parts = [("N" if k == 1 else f"{k}*N") if k else str(size) for k, size in zip(rows, shape, strict=True)]
    return f"({', '.join(parts)}{',' * (len(parts) == 1)})"


def flatten(result: Any, like: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Total and components of a reward's result, with numbers converted to tensors.

    Args:
        result: what the reward returned.
        like: a state field (N, ...).

    Raises:
        BadResult: it is not a total (N,) and a dict of components, (N,) or one number each.
    """
    if not isinstance(result, tuple | list) or len(result) != 2 or not isinstance(result[1], Mapping):
        what = "nothing (end it with return total, {...})" if result is None else _kind(result)
        if isinstance(result, tuple | list) and len(result) == 2:
            what = f"a total and {_kind(result[1])}"
        raise BadResult(
            f"{FUNCTION} returned {what}; it must return (total, components): a tensor (N,) and a dict of named "
            "tensors (N,)"
        )
    total, components = result
    if not isinstance(total, Tensor):
        raise BadResult(f"the total is {_kind(total)}; it must be a tensor (N,), one number for each world")
    if len(components) > Limits().components:
        raise BadResult(f"the reward has {len(components)} components; at most {Limits().components} are allowed")
    checked = {}
    for name, value in components.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            shown = re.sub(r"[^ -~]", "?", str(name))[:40]
            raise BadResult(f"the component name {shown!r} is not a plain identifier of at most 64 letters")
        if name in RESERVED:
            raise BadResult(f"the component name {name!r} is reserved; choose another")
        if isinstance(value, numbers.Real):
            value = torch.full((), float(value), dtype=torch.float32, device=like.device)
        if not isinstance(value, Tensor):
            raise BadResult(f"the component {name!r} is {_kind(value)}; it must be a tensor (N,)")
        checked[str(name)] = value
    return total, checked


def check_shapes(total: Tensor, components: dict[str, Tensor], worlds: int) -> None:
    """Check the shapes of a reward's result.

    Raises:
        BadResult: a shape is not (N,); a component may also be one number.
    """
    for name, value in {"total": total, **components}.items():
        shape = sizes(value.shape, worlds)
        one = name != "total" and all(size == "1" for size in shape[1:-1].replace(",", " ").split())
        if shape == "(N,)" or one:
            continue
        what = "the total reward" if name == "total" else f"the component {name!r}"
        if shape == "(N, 1)":
            fix = "add .squeeze(-1)"
        elif shape.startswith("(N, ") and "N" not in shape[2:]:
            fix = "reduce the rest with .sum(dim=-1) or .norm(dim=-1)"
        elif shape == "()":
            fix = "give sums, means and norms dim=-1"
        elif "N" in shape:
            fix = "keep the first axis for the worlds, and combine tensors of the same shape"
        else:
            fix = f"give sums, means and norms dim=-1; {HARD_CODED}"
        raise BadResult(f"{what} has shape {shape}; it must be (N,), one number for each world: {fix}")


_KINDS: tuple[tuple[Any, str], ...] = (
    (Tensor, "one tensor"),
    (type(None), "None"),
    (numbers.Real, "the number {}"),
    (str, "text"),
    (Mapping, "one dict"),
    (types.GeneratorType, "a generator (it must not use yield)"),
    (types.CoroutineType, "a coroutine (it must not be async)"),
    ((types.FunctionType, types.BuiltinFunctionType, types.MethodType), "a function"),
)


def _kind(value: Any) -> str:
    """What a value is, in plain words."""
    if type(value).__module__ == "torch.return_types":
        return "a pair of values and indices (take .values)"
    if isinstance(value, tuple | list):
        return f"a {'list' if isinstance(value, list) else 'tuple'} of {len(value)}"
    name = "numpy array" if type(value).__name__ == "ndarray" else type(value).__name__
    other = f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
    return next((words for kind, words in _KINDS if isinstance(value, kind)), other).format(value)
