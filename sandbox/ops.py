"""The operations a reward program may use: pure, deterministic, static in shape.

Excluded are random operations, uninitialised memory (`empty`, `resize_`), raw strides (`as_strided`), storage (`set_`,
`from_file`), results whose shape depends on values (`nonzero`, `masked_select`), host reads (`_local_scalar_dense`),
complex numbers, and custom operations.
"""

from __future__ import annotations

import re

import torch

from . import names
from .names import ARITHMETIC, COMPARISON, NAMES

ELEMENTWISE = frozenset(f"aten.{name}" for name in (ARITHMETIC + COMPARISON).split())
"""Elementwise operations, with broadcasting."""


def _table() -> dict[str, torch._ops.OpOverload]:
    table = {}
    for name in NAMES:
        packet, overload = name.split(".")
        op = getattr(getattr(torch.ops.aten, packet, None), overload, None)
        if op is None:  # this version of torch has no such overload
            continue
        impure = {torch.Tag.nondeterministic_seeded, torch.Tag.data_dependent_output} & set(op.tags)
        if op._schema.is_mutable or impure:
            raise RuntimeError(f"aten.{name} is not a pure function in torch {torch.__version__}")
        table[f"aten.{name}"] = op
    # Equivalent in a program without writes, and independent of strides, which may differ from those in the trace.
    table["aten.view.default"] = table["aten._unsafe_view.default"] = torch.ops.aten.reshape.default
    return table


ALLOWED = _table()
"""The only functions that a program can call, by name."""

DTYPES = {name: getattr(torch, name) for name in names.DTYPES}
"""Dtypes by their name in the format."""

_HINTS = {
    "rand": "random numbers are not allowed in a reward",
    "bernoulli": "random numbers are not allowed in a reward",
    "normal": "random numbers are not allowed in a reward",
    "nonzero": "selecting worlds by index is not possible; use torch.where(mask, a, b)",
    "masked_select": "selecting worlds by mask changes the size; use torch.where(mask, a, b)",
    "_local_scalar_dense": "a tensor cannot be converted to a Python number; keep the tensor",
    "multinomial": "random numbers are not allowed in a reward",
    "complex": "complex numbers are not allowed in a reward; write out the real and imaginary part",
    "view_as_complex": "complex numbers are not allowed in a reward; write out the real and imaginary part",
    "_unique": "the number of unique values depends on values; compare with torch.where",
    "empty": "torch.empty is uninitialised; use torch.zeros",
}


def why_not(name: str) -> str:
    """The message for an operation that is not in `ALLOWED`."""
    packet = name.removeprefix("aten.").split(".")[0]
    hint = next((text for start, text in _HINTS.items() if packet.startswith(start)), "")
    shown = re.sub(r"[^\w.:]", "?", name[:60].removeprefix("aten.").split(".")[0].strip("_"), flags=re.ASCII)
    return hint or f"the operation {shown} is not allowed in a reward; write it with simple functions of torch"
