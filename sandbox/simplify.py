"""Simplification of a checked program: removes the overhead of tracing and checking.

All values stay bit-identical. Constants are folded with the same operations. Copies and views that change neither shape
nor dtype are dropped, since a program does not write. Operations are called through torch's Python bindings where they
exist, which is faster than their overloads.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx

from .shapes import per_world

_aten = torch.ops.aten
_IDENTITIES = frozenset(
    getattr(getattr(_aten, name), overload)
    for name, overload in (
        ("clone", "default"),
        ("detach", "default"),
        ("alias", "default"),
        ("lift_fresh_copy", "default"),
        ("_to_copy", "default"),
        ("view", "default"),
        ("reshape", "default"),
        ("_unsafe_view", "default"),
        ("expand", "default"),
    )
)
"""Operations that return their first argument if shape, strides and dtype stay the same."""
_FILLS: dict[Any, float | None] = {
    _aten.full_like.default: None,
    _aten.zeros_like.default: 0,
    _aten.ones_like.default: 1,
    _aten.new_full.default: None,
    _aten.new_zeros.default: 0,
    _aten.new_ones.default: 1,
}
"""Operations that read no values, and their fill value; None for the last positional argument."""
_C: Any = torch._C
_BINDINGS = (_C._VariableFunctions, _C._nn, _C._linalg, _C._special, Tensor)
_UNBOUND = frozenset(
    (_aten.slice.Tensor, _aten.index.Tensor, _aten.index_put.default, _aten._to_copy.default, _aten.copy.default)
)
"""Operations whose Python binding has other arguments or does not exist."""


_SCALED = frozenset((_aten.add.Scalar, _aten.sub.Scalar, _aten.rsub.Scalar, _aten.rsub.Tensor))
"""Operations whose third argument the Python binding takes in another form, or not at all."""
_FOLD_LIMIT = 2_000_000
"""Maximum count of numbers read and written by constant folding."""


def simplify(module: fx.GraphModule, memory: int, device: torch.device) -> None:
    """Simplify a program in place.

    Args:
        module: a program after its dry run, with each node's shape in `meta["val"]`.
        memory: maximum bytes of folded constants.
        device: that the program runs on.
    """
    work = _FOLD_LIMIT
    known: dict[fx.Node, Tensor] = {n: getattr(module, str(n.target)) for n in module.graph.nodes if n.op == "get_attr"}
    for n in module.graph.nodes:
        if n.op != "call_function" or not isinstance(n.meta["val"], Tensor):
            continue
        source = _identity_source(n)
        if source is not None:
            n.replace_all_uses_with(source)
            continue
        size = n.meta["val"].numel() * n.meta["val"].element_size()
        filled = n.target in _FILLS
        read = 0 if filled else sum(known[a].numel() for a in n.all_input_nodes if a in known)
        if size <= memory and read <= work and (filled or all(a in known for a in n.all_input_nodes)):
            memory, work = memory - size, work - read - n.meta["val"].numel()
            known[n] = _constant(n, known, device)
    _insert(module, known)
    for n in module.graph.nodes:
        if isinstance(n.target, torch._ops.OpOverload):
            _bind(n, n.target)
    module.graph.eliminate_dead_code()
    module.graph.lint()
    module.recompile()


def _identity_source(n: fx.Node) -> fx.Node | None:
    """The value that `n` returns unchanged; None if it changes it."""
    if n.target in _IDENTITIES:
        source = n.args[0]
    elif n.target is _aten.copy.default:
        source = n.args[1]
    elif n.target is per_world:
        source = n.args[0]
    else:
        return None
    if not isinstance(source, fx.Node):
        return None
    before, after = source.meta["val"], n.meta["val"]
    same = before.dtype == after.dtype and before.shape == after.shape and before.stride() == after.stride()
    return source if same else None


@torch.no_grad()
def _constant(n: fx.Node, known: dict[fx.Node, Tensor], device: torch.device) -> Tensor:
    like = n.meta["val"]
    assert callable(n.target)
    if n.target in _FILLS:
        fill: Any = _FILLS[n.target]
        if fill is None:
            fill = n.kwargs.get("fill_value", n.args[-1])
        return torch.full(like.shape, fill, dtype=like.dtype, device=device)
    return n.target(*fx.map_arg(n.args, known.__getitem__), **fx.map_arg(n.kwargs, known.__getitem__))


def _bind(n: fx.Node, op: torch._ops.OpOverload) -> None:
    """Replace an overload by torch's Python binding."""
    if op is _aten._to_copy.default and set(n.kwargs) == {"dtype"}:
        n.target, n.args, n.kwargs = Tensor.to, (n.args[0], n.kwargs["dtype"]), {}
    elif op is _aten.slice.Tensor and _step(n) == 1 and not n.kwargs:
        dim, start = [*n.args[1:], 0, None][:2]
        source: Any = n.args[0]
        size, length = source.meta["val"].shape[dim], n.meta["val"].shape[dim]
        start = min(max(0, (start or 0) + (size if (start or 0) < 0 else 0)), size)
        n.target, n.args = torch.narrow, (source, dim, start, length)
    elif op not in _UNBOUND and not (op in _SCALED and (len(n.args) > 2 or n.kwargs)):
        name = op._schema.name.removeprefix("aten::")
        n.target = next((getattr(home, name) for home in _BINDINGS if hasattr(home, name)), op)


def _step(n: fx.Node) -> object:
    return n.args[4] if len(n.args) > 4 else 1


def _insert(module: fx.GraphModule, known: dict[fx.Node, Tensor]) -> None:
    """Replace folded nodes by constants of the module."""
    for n, value in known.items():
        if n.op == "get_attr":
            continue
        name = f"known_{n.name}"
        module.register_buffer(name, value)
        with module.graph.inserting_before(n):
            attribute = module.graph.get_attr(name)
        attribute.meta["val"] = n.meta["val"]
        n.replace_all_uses_with(attribute)
