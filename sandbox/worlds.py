"""Proof that every world's reward depends on that world alone, from the operations, for all values.

The proof tracks the world axis of each value. The program is built for two numbers of worlds N, both primes above any
that is run. In every shape, an axis must have the same size in both or k * N in each, or the program is rejected. The
world axis is therefore the one whose size N divides, and entry j along it belongs to world j // k. Operations that
combine entries of several worlds are rejected, and so are operations without a rule.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, fx

from .limits import Rejected
from .ops import ALLOWED, ELEMENTWISE
from .shapes import Size, clamp_index, per_world

WORLDS = (1048583, 1048589)
"""The two smallest primes above `MAX_WORLDS`."""
_N = WORLDS[0]
_MIXED = (
    "the reward of one world depends on other worlds; reductions over all worlds (mean, sum, max) are not allowed: use "
    "dim=-1 or remove them"
)
_aten = torch.ops.aten


class _Mixed(Exception):
    """An operation combines worlds."""


def require_separate(module: fx.GraphModule, other: fx.GraphModule, components: Sequence[str]) -> None:
    """Reject a program in which an operation combines worlds.

    Args:
        module: a program built for the first of `WORLDS`, after its dry run.
        other: the same for the second.
        components: their names, for messages.

    Raises:
        Rejected: with the line.
    """
    for a, b in zip(module.graph.nodes, other.graph.nodes, strict=True):
        for one, two in zip(_tensors(a), _tensors(b), strict=True):
            if one.dim() != two.dim() or not all(map(_in_rows, one.shape, two.shape)):
                raise Rejected(
                    "a tensor's size depends on the number of worlds; use one row per world", a.meta.get("line")
                )
    _Worlds().follow(module.graph, components)


def _in_rows(one: int, two: int) -> bool:
    """Whether a size is constant or a fixed number of rows per world."""
    return one == two < _N or (one % _N == 0 and one // _N * WORLDS[1] == two)


def _tensors(n: fx.Node) -> list[Tensor]:
    values = n.meta.get("val")
    return [v for v in (values if isinstance(values, tuple | list) else [values]) if isinstance(v, Tensor)]


def _axis(value: Any) -> int | None:
    """The world axis of a value; None if the value is the same for all worlds."""
    if not isinstance(value, Tensor):
        return None
    axes = [d for d, size in enumerate(value.shape) if size and size % _N == 0]
    if len(axes) > 1:
        raise _Mixed
    return axes[0] if axes else None


def _shape(n: Any) -> Tensor:
    return n.meta["val"]


def _node_axis(n: Any) -> int | None:
    return _axis(n.meta["val"]) if isinstance(n, fx.Node) else None


def _from_end(n: Any) -> int | None:
    axis = _node_axis(n)
    return None if axis is None else axis - _shape(n).dim()


def _size(n: Any) -> int:
    axis = _node_axis(n)
    return 0 if axis is None else _shape(n).shape[axis]


def _require(condition: bool) -> None:
    if not condition:
        raise _Mixed


def _require_aligned(nodes: Sequence[Any], out: Tensor | None = None) -> None:
    """Require the same world axis, counted from the end, in values of an elementwise operation."""
    seen = {(_from_end(n), _size(n)) for n in nodes if isinstance(n, fx.Node) and _node_axis(n) is not None}
    _require(len(seen) <= 1)
    if out is not None and seen:
        axis = _axis(out)
        _require(axis is not None and (axis - out.dim(), out.shape[axis]) == next(iter(seen)))


def _mixed(combines: fx.Node, components: Sequence[str]) -> str:
    """The message for an operation that combines worlds; names the component if it is for a component alone."""
    graph, reached = combines.graph, {combines}
    for n in graph.nodes:
        if reached & set(n.all_input_nodes):
            reached.add(n)
    total, *others = cast(Any, graph.output_node().args[0])
    for name, value in zip(components, others, strict=True):
        if value in reached and total not in reached:
            what = f"the component {name!r} depends on other worlds"
            return f"{what}; give it for each world, since means are shown anyway"
    return _MIXED


class _Worlds:
    """Tracks the world axis through one graph."""

    def __init__(self) -> None:
        self.counting: set[fx.Node] = set()
        """Values with one row per world, equal to w for world w: as an index they stay in their world."""

    def follow(self, graph: fx.Graph, components: Sequence[str]) -> None:
        for n in graph.nodes:
            if n.op != "call_function":
                continue
            try:
                for value in _tensors(n):
                    _axis(value)
                self._node(n)
            except _Mixed:
                raise Rejected(_mixed(n, components), n.meta.get("line")) from None

    def _node(self, n: fx.Node) -> None:
        target: Any = n.target
        if self.counting & set(n.all_input_nodes):
            _require(target in _KEEP_COUNTING or target in _INDEXING or target is clamp_index)
        if target is operator.getitem:
            return
        if target is clamp_index:
            index, source, dim, _ = cast("tuple[fx.Node, fx.Node, int, bool]", n.args)
            _require(source not in self.counting)
            if index in self.counting:
                axis = _node_axis(source)
                _require(axis is not None and axis == dim % _shape(source).dim() and _size(source) == _N)
                self.counting.add(n)
            return
        if target is per_world:
            return
        given = {a.name: a.default_value for a in target._schema.arguments if a.has_default_value()}
        given |= dict(zip((a.name for a in target._schema.arguments), n.args, strict=False)) | n.kwargs
        if target in _POINTWISE:
            _require_aligned(n.all_input_nodes, n.meta["val"])
        elif target in _ALONG:
            _require(all(_keeps(given["self"], d) for d in _dims(given)))
        elif target in _RULES:
            _RULES[target](self, n, given)
        else:
            raise _Mixed
        if target in _KEEP_COUNTING and n.args[0] in self.counting:
            _require(_size(n) == _N and _shape(n).dtype == torch.int64)
            self.counting.add(n)

    def index(self, n: fx.Node, given: dict[str, Any]) -> None:
        source, indices = given["self"], given["indices"]
        axis = _node_axis(source)
        others = [t for d, t in enumerate(indices) if isinstance(t, fx.Node) and d != axis]
        _require(not self.counting & {source, given.get("values"), *others})
        if axis is not None and axis < len(indices) and indices[axis] is not None:
            _require(indices[axis] in self.counting and _size(indices[axis]) == _size(source))
            _require_aligned([*others, indices[axis]])
        else:
            _require(axis is None or all(_node_axis(t) is None for t in others))
            _require_aligned(others)

    def index_put(self, n: fx.Node, given: dict[str, Any]) -> None:
        self.index(n, given)
        source, indices, values = given["self"], given["indices"], given["values"]
        where = [None if t is None else _shape(t) for t in indices]
        with _shape(source).fake_mode:  # type: ignore[attr-defined]
            place = torch.ops.aten.index.Tensor(_shape(source), where)
        axis = _axis(place)
        if _node_axis(source) is None:
            _require(axis is None and _node_axis(values) is None)
        elif _node_axis(values) is not None:
            _require(axis is not None and axis - place.dim() == _from_end(values))


def _dims(given: dict[str, Any]) -> list[int]:
    """The dimensions that an operation works along; all if it names none."""
    dims = next((given[name] for name in ("dim", "dims") if name in given), None)
    if dims is None or dims == []:
        return list(range(_shape(given["self"]).dim()))
    return list(dims) if isinstance(dims, list | tuple) else [dims]


def _keeps(source: Any, dim: int) -> bool:
    axis = _node_axis(source)
    return axis is None or dim % max(1, _shape(source).dim()) != axis


def _reshape(_: _Worlds, n: fx.Node, given: dict[str, Any]) -> None:
    before, after = _shape(given["self"]), n.meta["val"]
    old, new = _axis(before), _axis(after)
    if old is None:
        return
    _require(new is not None)

    def a_world(value: Tensor, axis: int) -> int:
        """Entries from one world to the next in memory order."""
        return value.shape[axis:].numel() // _N

    assert new is not None
    _require(a_world(before, old) == a_world(after, new))


def _expand(_: _Worlds, n: fx.Node, given: dict[str, Any]) -> None:
    if _node_axis(given["self"]) is not None:
        _require_aligned([given["self"]], n.meta["val"])


def _select(_: _Worlds, n: fx.Node, given: dict[str, Any]) -> None:
    _require(_keeps(given["self"], given["dim"]))


def _slice(_: _Worlds, n: fx.Node, given: dict[str, Any]) -> None:
    whole = n.meta["val"].shape == _shape(given["self"]).shape and given["step"] == 1
    _require(whole or _keeps(given["self"], given["dim"]))


def _scatter_slice(_: _Worlds, n: fx.Node, given: dict[str, Any]) -> None:
    whole = [given["self"], *([given["src"]] if "src" in given else [])]
    if n.target is _aten.select_scatter.default:
        _require(_keeps(given["self"], given["dim"]))
        inside = _shape(given["self"]).select(given["dim"], 0)
        _require(_node_axis(given["src"]) in (None, _axis(inside)))
        _require(_node_axis(given["src"]) is None or _node_axis(given["self"]) is not None)
    else:
        _require(_keeps(given["self"], given["dim"]))
        _require_aligned(whole)
        _require(_node_axis(given["self"]) is not None or all(_node_axis(x) is None for x in whole))


def _join(_: _Worlds, n: fx.Node, given: dict[str, Any]) -> None:
    tensors = given["tensors"]
    out, dim = n.meta["val"], given["dim"] % max(1, n.meta["val"].dim())
    axes = [_node_axis(t) for t in tensors]
    if all(a is None for a in axes):
        return
    if n.target is _aten.stack.default:
        _require(len({(a, _size(t)) for a, t in zip(axes, tensors, strict=True)}) == 1 and _axis(out) != dim)
    else:
        _require(_axis(out) != dim or len(tensors) == 1)
        _require(len({(a, _size(t)) for a, t in zip(axes, tensors, strict=True)}) == 1)


def _repeat(_: _Worlds, n: fx.Node, given: dict[str, Any]) -> None:
    axis = _from_end(given["self"])
    _require(axis is None or given["repeats"][axis] == 1)


def _pad(_: _Worlds, n: fx.Node, given: dict[str, Any]) -> None:
    axis = _from_end(given["self"])
    pads = given["pad"]
    _require(axis is None or not any(pads[2 * (-axis - 1) : 2 * (-axis)]))


def _gather(_: _Worlds, n: fx.Node, given: dict[str, Any]) -> None:
    """gather and scatter: the index works along another axis and has the world axis of the source."""
    parts = [given[name] for name in ("self", "index", "src") if isinstance(given.get(name), fx.Node)]
    if all(_node_axis(x) is None for x in parts):
        return
    _require(_keeps(given["self"], given["dim"]) and _node_axis(given["index"]) is not None)
    _require_aligned(parts)
    _require(_node_axis(given["self"]) is not None)


def _index_select(_: _Worlds, n: fx.Node, given: dict[str, Any]) -> None:
    _require(_keeps(given["self"], given["dim"]))
    _require(_node_axis(given["self"]) is None or _node_axis(given["index"]) is None)


def _index_add(_: _Worlds, n: fx.Node, given: dict[str, Any]) -> None:
    _index_select(_, n, given)
    _require_aligned([given["self"], given["source"]])
    _require(_node_axis(given["source"]) is None or _node_axis(given["self"]) is not None)


def _diagonal(_: _Worlds, n: fx.Node, given: dict[str, Any]) -> None:
    _require(_keeps(given["self"], given["dim1"]) and _keeps(given["self"], given["dim2"]))


def _triangle(_: _Worlds, n: fx.Node, given: dict[str, Any]) -> None:
    _require(_keeps(given["self"], -1) and _keeps(given["self"], -2))


def _product(left: str, right: str) -> Callable[[_Worlds, fx.Node, dict[str, Any]], None]:
    """Matrix product: the world axis is not contracted, and is on one side only or the batch axis of both."""

    def rule(_: _Worlds, n: fx.Node, given: dict[str, Any]) -> None:
        a, b = given[left], given[right]
        batched = _shape(a).dim() == 3
        contracted_a, contracted_b = _shape(a).dim() - 1, max(0, _shape(b).dim() - 2)
        _require(_node_axis(a) != contracted_a and _node_axis(b) != contracted_b)
        if _node_axis(a) is not None and _node_axis(b) is not None:
            _require(batched and _node_axis(a) == _node_axis(b) == 0 and _size(a) == _size(b))
        if "self" in given and "self" not in (left, right) and _node_axis(given["self"]) is not None:
            _require_aligned([given["self"]], n.meta["val"])

    return rule


def _cross(_: _Worlds, n: fx.Node, given: dict[str, Any]) -> None:
    _require_aligned(n.all_input_nodes, n.meta["val"])
    _require(_keeps(given["self"], given["dim"]) and _keeps(given["other"], given["dim"]))


def _distances(_: _Worlds, n: fx.Node, given: dict[str, Any]) -> None:
    a, b = given["x1"], given["x2"]
    _require(_from_end(a) != -1 and _from_end(b) != -1)
    if _node_axis(a) is not None and _node_axis(b) is not None:
        _require(_from_end(a) == _from_end(b) and (_from_end(a) or 0) < -2 and _size(a) == _size(b))


def _search(_: _Worlds, n: fx.Node, given: dict[str, Any]) -> None:
    edges = given.get("boundaries", given.get("sorted_sequence"))
    values = given["self"]
    if _node_axis(edges) is None:
        return
    _require("sorted_sequence" in given and _node_axis(edges) == _node_axis(values) and _from_end(edges) != -1)


def _count(worlds: _Worlds, n: fx.Node, given: dict[str, Any]) -> None:
    """Creation of a range: along the world axis only `arange(N)`, the index of each world."""
    if _axis(n.meta["val"]) is not None or any(isinstance(a, Size) for a in n.args):
        _require("arange" in str(n.target) and isinstance(given["end"], Size) and n.meta["val"].shape == (_N,))
        _require(given.get("start", 0) == 0 and given.get("step", 1) == 1 and n.meta["val"].dtype == torch.int64)
        worlds.counting.add(n)


def _accept(_: _Worlds, n: fx.Node, given: dict[str, Any]) -> None:
    """No condition: entries stay with their worlds."""


def _ops(names: str) -> frozenset[Any]:
    return frozenset(ALLOWED[f"aten.{name}"] for name in names.split() if f"aten.{name}" in ALLOWED)


_POINTWISE = frozenset(ALLOWED[name] for name in ELEMENTWISE if name in ALLOWED) | _ops(
    "copy.default masked_fill.Scalar masked_fill.Tensor full_like.default zeros_like.default ones_like.default"
)
_ALONG = _ops(
    "sum.default sum.dim_IntList mean.default mean.dim prod.default prod.dim_int amax.default amin.default max.dim "
    "min.dim max.default min.default argmax.default argmin.default any.default any.dim any.dims all.default all.dim "
    "all.dims var.correction std.correction var_mean.correction linalg_vector_norm.default norm.ScalarOpt_dim "
    "norm.Scalar cumsum.default cumprod.default logsumexp.default _softmax.default _log_softmax.default sort.default "
    "topk.default median.dim kthvalue.default cummax.default cummin.default flip.default roll.default unbind.int "
    "split.Tensor split_with_sizes.default"
)
"""Operations along `dim` or `dims`, or over all dimensions if those are not given."""
_INDEXING = _ops("index.Tensor index_put.default")
_KEEP_COUNTING = _ops(
    "reshape.default expand.default permute.default t.default transpose.int unsqueeze.default squeeze.dim squeeze.dims "
    "squeeze.default select.int slice.Tensor alias.default detach.default clone.default lift_fresh_copy.default "
    "_to_copy.default"
)
_RULES: dict[Any, Callable[[_Worlds, fx.Node, dict[str, Any]], None]] = {
    op: rule
    for names, rule in (
        ("reshape.default view.default", _reshape),
        ("expand.default", _expand),
        ("select.int", _select),
        ("slice.Tensor", _slice),
        ("select_scatter.default slice_scatter.default", _scatter_slice),
        ("cat.default stack.default", _join),
        ("repeat.default", _repeat),
        ("constant_pad_nd.default", _pad),
        ("gather.default scatter.value scatter.src scatter_add.default", _gather),
        ("index_select.default", _index_select),
        ("index_add.default", _index_add),
        ("index.Tensor", _Worlds.index),
        ("index_put.default", _Worlds.index_put),
        ("diagonal.default", _diagonal),
        ("tril.default triu.default", _triangle),
        ("mm.default", _product("self", "mat2")),
        ("bmm.default", _product("self", "mat2")),
        ("addmm.default", _product("mat1", "mat2")),
        ("mv.default", _product("self", "vec")),
        ("dot.default", _product("self", "tensor")),
        ("linalg_cross.default", _cross),
        ("_cdist_forward.default", _distances),
        ("bucketize.Tensor searchsorted.Tensor", _search),
        ("arange.default arange.start arange.start_step linspace.default eye.default", _count),
        ("full.default zeros.default ones.default scalar_tensor.default", _accept),
        ("new_full.default new_zeros.default new_ones.default", _accept),
        ("unsqueeze.default squeeze.dim squeeze.dims squeeze.default permute.default t.default", _accept),
        (
            "transpose.int alias.default clone.default detach.default lift_fresh_copy.default _to_copy.default",
            _accept,
        ),
    )
    for op in _ops(names)
}
