"""The list of operations, held against the installed torch: each is what it was when somebody looked at it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from eureka.system.paths import load_sandbox

graph, ops, simplify = load_sandbox("graph"), load_sandbox("ops"), load_sandbox("simplify")
PINNED = dict(line.split(" = ", 1) for line in (Path(__file__).parent / "schemas.txt").read_text().splitlines())
"""Name -> schema, the same in torch 2.11, 2.12 and 2.13."""


def test_the_operations_have_the_schemas_that_were_looked_at():
    now = {name: str(op._schema) for name, op in ops.ALLOWED.items()}
    changed = [f"{n}: {PINNED.get(n)} -> {now.get(n)}" for n in sorted(PINNED | now) if PINNED.get(n) != now.get(n)]
    assert not changed, f"torch {torch.__version__} changed operations; look at each, then at schemas.txt:\n" + (
        "\n".join(changed)
    )


def test_no_operation_writes_draws_reads_files_or_looks_at_values():
    for name, op in ops.ALLOWED.items():
        schema = op._schema
        assert not schema.is_mutable and not any(a.alias_info and a.alias_info.is_write for a in schema.arguments), name
        assert not {torch.Tag.nondeterministic_seeded, torch.Tag.data_dependent_output} & set(op.tags), name
        # by a mask, which the verifier refuses
        assert torch.Tag.dynamic_output_shape not in op.tags or name == "aten.index.Tensor", name
        kinds = {str(a.real_type) for a in schema.arguments}
        assert not any(k in kind for kind in kinds for k in ("Generator", "Storage", "Stream", "Function")), name


EXAMPLES = {
    "Tensor": torch.tensor([[0.5, -1.25, 2.0], [0.25, 3.5, -0.75]]),
    "number": 0.75,
    "int": 1,
    "float": 0.5,
    "bool": True,
    "List[int]": [1],
    "ScalarType": torch.float64,
}
GIVEN = {
    "aten.mm": (torch.eye(2, 3), torch.ones(3, 2)),
    "aten.bmm": (torch.eye(3)[None], torch.ones(1, 3, 2)),
    "aten.addmm": (torch.ones(2, 2), torch.eye(2, 3), torch.ones(3, 2)),
    "aten.dot": (torch.arange(3.0), torch.ones(3)),
    "aten.mv": (torch.eye(3), torch.arange(3.0)),
    "aten.linalg_cross": (torch.eye(3), torch.ones(3, 3)),
    "aten._cdist_forward": (torch.eye(3), torch.ones(2, 3), 2.0, None),
    "aten.view": (torch.arange(6.0), [2, 3]),
    "aten._unsafe_view": (torch.arange(6.0), [2, 3]),
    "aten.reshape": (torch.arange(6.0), [2, 3]),
    "aten.expand": (torch.ones(1, 3), [2, 3]),
    "aten.permute": (torch.ones(2, 3), [1, 0]),
    "aten.repeat": (torch.ones(2, 3), [2, 1]),
    "aten.transpose": (torch.ones(2, 3), 0, 1),
    "aten.cat": ([torch.ones(2), torch.zeros(3)],),
    "aten.stack": ([torch.ones(2), torch.zeros(2)],),
    "aten.select": (torch.eye(3), 1, 2),
    "aten.select_scatter": (torch.eye(3), torch.ones(3), 1, 2),
    "aten.slice_scatter": (torch.eye(3), torch.ones(3, 1), 1, 2, 3),
    "aten.split_with_sizes": (torch.arange(4.0), [1, 3]),
    "aten.index": (torch.arange(4.0), [torch.tensor([1, 3])]),
    "aten.index_put": (torch.zeros(4), [torch.tensor([1, 3])], torch.tensor([5.0, 6.0])),
    "aten.index_select": (torch.eye(3), 1, torch.tensor([2, 0])),
    "aten.index_add": (torch.eye(3), 1, torch.tensor([2, 0]), torch.ones(3, 2)),
    "aten.gather": (torch.eye(3), 1, torch.tensor([[2], [0], [1]])),
    "aten.scatter.value": (torch.eye(3), 1, torch.tensor([[2], [0], [1]]), 7.0),
    "aten.scatter.src": (torch.eye(3), 1, torch.tensor([[2], [0], [1]]), torch.ones(3, 1)),
    "aten.scatter_add": (torch.eye(3), 1, torch.tensor([[2], [0], [1]]), torch.ones(3, 1)),
    "aten.masked_fill.Scalar": (torch.eye(3), torch.eye(3) > 0, 2.0),
    "aten.masked_fill.Tensor": (torch.eye(3), torch.eye(3) > 0, torch.tensor(2.0)),
    "aten.where.self": (torch.eye(3) > 0, torch.ones(3), torch.zeros(3)),
    "aten.where.ScalarOther": (torch.eye(3) > 0, torch.ones(3), 2.0),
    "aten.where.ScalarSelf": (torch.eye(3) > 0, 2.0, torch.ones(3)),
    "aten.where.Scalar": (torch.eye(3) > 0, 2.0, 3.0),
    "aten.clamp.default": (torch.eye(3), None, 0.5),
    "aten.clamp.Tensor": (torch.eye(3), torch.tensor(0.25)),
    "aten.bitwise": (torch.tensor([5, 3]), torch.tensor([6, 2])),
    "aten.bitwise_not": (torch.tensor([5, 3]),),
    "aten.bucketize": (torch.tensor([0.3, 2.5]), torch.tensor([0.0, 1.0, 2.0])),
    "aten.searchsorted": (torch.tensor([0.0, 1.0, 2.0]), torch.tensor([0.3, 2.5])),
    "aten.constant_pad_nd": (torch.ones(2), [1, 2], 3.0),
    "aten.arange.start_step": (0, 6, 2),
    "aten.linspace": (0, 1, 5),
    "aten.full.default": ([2], 3.0),
    "aten.new_full": (torch.ones(2), [3], 2.0),
    "aten.norm.ScalarOpt_dim": (torch.eye(3), 2, [1]),
    "aten._softmax": (torch.eye(3), 1, False),
    "aten._log_softmax": (torch.eye(3), 1, False),
    "aten._to_copy": (torch.eye(3),),
    "aten.squeeze.dims": (torch.ones(1, 3), [0]),
    "aten.any.dims": (torch.eye(3), [0]),
    "aten.all.dims": (torch.eye(3), [0]),
}
"""Arguments for operations that do not take just anything."""
KEYWORDS = {
    "aten._to_copy.default": {"dtype": torch.float64},
    "aten.div.Tensor_mode": {"rounding_mode": "floor"},
    "aten.div.Scalar_mode": {"rounding_mode": "floor"},
    "aten.round.decimals": {"decimals": 1},
}


def arguments(name: str) -> tuple:
    for known in (name, name.rsplit(".", 1)[0]):
        if known in GIVEN:
            return GIVEN[known]
    if name.startswith("aten.bitwise"):
        second = GIVEN["aten.bitwise"][1] if name.endswith("Tensor") else 6
        return (GIVEN["aten.bitwise"][0], second)
    declared = ops.ALLOWED[name]._schema.arguments
    needed = [a for a in declared if not a.has_default_value() and a.name not in KEYWORDS.get(name, {})]
    return tuple(EXAMPLES[str(a.real_type).removeprefix("Optional[").removesuffix("]")] if "List" not in str(a.real_type)
                 else EXAMPLES["List[int]"] for a in needed)  # fmt: skip


@pytest.mark.parametrize("name", [n for n in ops.ALLOWED if n != "aten.slice.Tensor"])
def test_the_binding_that_is_called_computes_what_the_operation_does(name: str):
    """Programs call torch's own Python bindings, found by name: the bits must be the operation's."""
    op, args = ops.ALLOWED[name], arguments(name)
    graph = torch.fx.Graph()
    places = [a for a in args if isinstance(a, torch.Tensor)]
    nodes = [graph.placeholder(f"x{i}") for i in range(len(places))]
    lists = [
        graph.placeholder(f"y{i}")
        for a in args
        if isinstance(a, list)
        for i, t in enumerate(a)
        if isinstance(t, torch.Tensor)
    ]
    tensors, in_lists = iter(nodes), iter(lists)
    given = [
        next(tensors) if isinstance(a, torch.Tensor)
        else [next(in_lists) if isinstance(t, torch.Tensor) else t for t in a] if isinstance(a, list) else a
        for a in args
    ]  # fmt: skip
    made = graph.call_function(op, tuple(given), KEYWORDS.get(name, {}))
    expected = op(*args, **made.kwargs)
    simplify._bind(made, op)
    graph.output(made)
    module = torch.fx.GraphModule(torch.nn.Module(), graph)
    flat = [t for a in args if isinstance(a, list) for t in a if isinstance(t, torch.Tensor)]
    result = module(*places, *flat)
    for a, b in zip(*(r if isinstance(r, tuple | list) else [r] for r in (expected, result)), strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape and torch.equal(a.nan_to_num(7), b.nan_to_num(7))


def test_a_slice_that_became_a_narrowing_is_the_same_slice():
    fields = {"v": graph.Field((5,))}
    for start, end in ((0, 3), (1, 9223372036854775807), (-2, 5), (-9, -1), (4, 2), (7, 9), (None, 2), (None, None)):
        node = {"op": "aten.slice.Tensor", "args": [{"value": 0}, 1, start, end]}
        total = {"op": "aten.sum.dim_IntList", "args": [{"value": 1}, [1]]}
        text = {"version": 1, "inputs": ["v"], "nodes": [node, total], "outputs": [{"value": 2}], "components": []}
        v = torch.randn(4, 5)
        assert torch.equal(graph.rebuild(json.dumps(text), fields, 4)(v)[0], v[:, start:end].sum(1))
