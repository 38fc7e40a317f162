"""Tracing of a reward's text to a list of tensor operations. Runs inside the jail, once per candidate.

`torch.export` runs the function on fake tensors with a symbolic number of worlds and returns pure ATen operations,
which are written in the format of `graph.py`. The host does not trust the result.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import json
import math
import operator
import re
import sys
import types
import typing
from collections.abc import Callable
from typing import Any

import torch
import torch.export._trace  # complete before `adapted` replaces parts of torch
from torch import Tensor, fx
from torch._dispatch.python import enable_python_dispatcher
from torch._functorch._aot_autograd.functional_utils import has_data_mutation
from torch._subclasses import FakeTensor
from torch._subclasses.functional_tensor import FunctionalTensorMode, dispatch_functionalize
from torch.fx import traceback as fx_traceback
from torch.fx.experimental.proxy_tensor import make_fx

from . import advice
from .graph import VERSION, Field, rebuild
from .habits import HostHabits, Refused, WithoutDevices, adapted, formatted, impure, length
from .limits import Rejected
from .ops import DTYPES
from .results import TESTED_WORLDS, BadResult, check_shapes, flatten
from .text import FORMAT, FUNCTION, compiled, definition, read, return_line

_TRACED_WORLDS = 37
"""N while tracing: a number that is hardly a size of a state field."""

Reward = Callable[..., tuple[Tensor, dict[str, Tensor]]]


def compile_reward(source: str, fields: dict[str, Field]) -> str:
    """Compile a reward function to a program as JSON.

    Args:
        source: Python text that defines `compute_reward`; its argument names select state fields.
        fields: the available state fields.

    Raises:
        Refused: with a one-sentence message, and the line if there is one.
    """
    try:
        function = load(source)
        wanted = requested(function, fields)
        text, assumed = trace(function, wanted)
        self_test(source, text, wanted, assumed)
        return text
    except Refused:
        raise
    except BadResult as problem:
        raise Refused(str(problem), return_line(source)) from None
    except Rejected as rejection:
        raise Refused(str(rejection), rejection.line) from None
    except (Exception, SystemExit) as error:
        message, line = advice.explain(error, source, fields)
        raise Refused(message, line) from None


def load(source: str) -> Reward:
    """Run the text and return its `compute_reward`."""
    module = types.ModuleType("reward")
    names = {"torch": torch, "math": math, "Tensor": Tensor, "F": torch.nn.functional, "nn": torch.nn}
    names |= {k: getattr(typing, k) for k in ("Tuple", "Dict", "List", "Optional", "Union", "Any")}
    names["__builtins__"] = vars(builtins) | {"len": length, FORMAT: formatted}
    module.__dict__.update(names)
    sys.modules["reward"] = module
    impure.clear()
    with adapted(), WithoutDevices():
        exec(compiled(source), module.__dict__)  # noqa: S102 - this is the jail's purpose
    function = module.__dict__.get(FUNCTION)
    function = function.__func__ if isinstance(function, staticmethod | classmethod) else function
    if not isinstance(function, types.FunctionType):
        raise Refused(*_undefined(source, module.__dict__))
    return function


def _undefined(source: str, names: dict[str, Any]) -> tuple[str, int | None]:
    """Why there is no function `compute_reward`, and the line."""
    found, home = definition(read(source))
    if found and home:
        return f"{FUNCTION} is inside the class {home.name}; define it outside, without self", found.lineno
    if FUNCTION in names:
        return f"{FUNCTION} is not a function; write def {FUNCTION}(...): with state fields as arguments", None
    defined = [k for k, v in names.items() if isinstance(v, types.FunctionType)]
    have = f"; it defines {', '.join(defined)}" if defined else ""
    return f"the code does not define the function {FUNCTION}{have}", None


def requested(function: Reward, fields: dict[str, Field]) -> dict[str, Field]:
    """The state fields that a reward requests by its argument names."""
    wanted = {}
    line = function.__code__.co_firstlineno
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
            raise Refused(f"{FUNCTION} takes {stars}{name}; it must name the state fields that it reads", line)
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise Refused(f"{FUNCTION} takes {name!r} by position only; remove the / from its arguments", line)
        if name in fields:
            wanted[name] = fields[name]
        elif parameter.default is parameter.empty:
            raise Refused(advice.unknown_field(name, list(fields)), line)
    if not wanted:
        raise Refused(f"{FUNCTION} requests no state field; available are {', '.join(fields)}", line)
    return wanted


class _Model(torch.nn.Module):
    """The module that torch.export traces: the reward with its result checked and flattened."""

    def __init__(self, function: Callable[..., tuple[Tensor, ...]]):
        super().__init__()
        self.function = function
        self.habits = HostHabits()

    def forward(self, states: dict[str, Tensor]) -> tuple[Tensor, ...]:
        self.habits.watch(states)
        with self.habits:
            return self.function(states)


def trace(function: Reward, wanted: dict[str, Field]) -> tuple[str, int | None]:
    """Run the reward once on fake tensors and record its operations.

    Returns:
        The program, and the first line that branches on `any` over worlds (see `HostHabits`) or None.
    """
    example = {
        name: torch.ones((_TRACED_WORLDS, *field.shape), dtype=DTYPES[field.dtype]) for name, field in wanted.items()
    }
    names: list[str] = []

    def flat(states: dict[str, Tensor]) -> tuple[Tensor, ...]:
        like = next(iter(states.values()))
        total, components = flatten(function(**states), like)
        if not any(str(x.shape[0]).isdigit() for x in states.values()):  # else export says that N is fixed
            check_shapes(total, components, "N")
        names[:] = components
        return (total, *components.values())

    worlds = torch.export.Dim("N", min=2, max=1 << 20)
    model = _Model(flat)
    with torch.no_grad(), fx_traceback.preserve_node_meta(), adapted():
        shapes = ({name: {0: worlds} for name in wanted},)
        try:
            exported = torch.export.export(model, (example,), dynamic_shapes=shapes, strict=False)
        except Exception as error:
            if model.habits.specialised and advice.counts_worlds(error):
                raise Refused(advice.COUNTS_WORLDS, model.habits.specialised) from None
            raise
        graph, mutates = functional(exported)
    if mutates:
        which, line = model.habits.mutated or (None, None)
        what = f"its input {which!r}" if which else "an input, or a tensor that it keeps between calls,"
        raise Refused(f"the reward changes {what} in place; work on a clone: x = x.clone()", line)
    return _Writer(exported, graph, list(wanted)).text(names), model.habits.assumed


@functools.cache
def decompositions() -> dict[Any, Any]:
    """Decompositions of composite operations; cached because it is slow to build."""
    table = dict(torch.export.default_decompositions().items())
    # Kept as single operations; they would decompose to index_select, and to cat along the worlds.
    table.pop(torch.ops.aten.linalg_cross.default, None)
    table.pop(torch.ops.aten.stack.default, None)
    return table


class _Lined(fx.Interpreter):
    """Errors get the line of the reward's text and the shapes that caused them."""

    def run_node(self, n: fx.Node) -> Any:
        try:
            return super().run_node(n)
        except Exception as error:
            error.line = (n.meta.get("custom") or {}).get("line")  # type: ignore[attr-defined]
            raise


def functional(exported: torch.export.ExportedProgram) -> tuple[fx.Graph, bool]:
    """Decompose a reward to pure operations; also returns whether it changes an input or a constant in place.

    `ExportedProgram.run_decompositions` does the same and more, but takes ten times as long.
    """
    module = exported.graph_module
    examples = [n.meta["val"] for n in module.graph.nodes if n.op == "placeholder"]
    mutates = False

    def run(*inputs: Tensor) -> Any:
        nonlocal mutates
        outputs = _Lined(module).run(*inputs)
        mutates = any(has_data_mutation(x) for x in inputs)
        return outputs

    fake = next(e.fake_mode for e in examples if isinstance(e, FakeTensor))
    with fake, enable_python_dispatcher():
        pure = dispatch_functionalize(run, FunctionalTensorMode())
        graph = make_fx(pure, decomposition_table=decompositions())(*examples).graph
    graph.eliminate_dead_code()
    return graph, mutates


class _Writer:
    """Writes an exported program in the format of `graph.py`."""

    def __init__(self, exported: torch.export.ExportedProgram, graph: fx.Graph, inputs: list[str]):
        self.exported, self.graph, self.inputs = exported, graph, inputs
        self.nodes: list[dict[str, Any]] = []
        self.position: dict[fx.Node, int] = {}

    def text(self, components: list[str]) -> str:
        placeholders = [n for n in self.graph.nodes if n.op == "placeholder"]
        kinds = dict(zip(placeholders, self.exported.graph_signature.input_specs, strict=True))
        users = [n for n in placeholders if kinds[n].kind.name == "USER_INPUT"]
        self.position = {n: i for i, n in enumerate(users)}
        for n in placeholders:
            if n not in self.position:
                self._add(n, self._constant(kinds[n].target))
        outputs: list[Any] = []
        for n in self.graph.nodes:
            if n.op == "call_function" and isinstance(n.meta.get("val"), Tensor | tuple | list):
                self._add(n, self._operation(n))
            elif n.op == "output":
                outputs = [self._argument(o) for o in n.args[0]]
        graph = {
            "version": VERSION,
            "inputs": self.inputs,
            "nodes": self.nodes,
            "outputs": outputs,
            "components": components,
        }
        return json.dumps(graph, allow_nan=False, separators=(",", ":"))

    def _add(self, n: fx.Node, entry: dict[str, Any]) -> None:
        self.position[n] = len(self.inputs) + len(self.nodes)
        self.nodes.append(entry)

    def _constant(self, target: str | None) -> dict[str, Any]:
        value = self.exported.constants.get(str(target), self.exported.state_dict.get(str(target)))
        if not isinstance(value, Tensor):
            raise Refused("the reward keeps objects other than tensors and numbers between calls; remove them")
        data = [self._argument(x) for x in value.detach().reshape(-1).tolist()]
        return {"op": "constant", "dtype": _dtype(value.dtype), "shape": list(value.shape), "data": data}

    def _operation(self, n: fx.Node) -> dict[str, Any]:
        line = (n.meta.get("custom") or {}).get("line", 0)
        dropped = ("device", "layout", "pin_memory", "memory_format", "non_blocking")
        try:
            args = [self._argument(a) for a in _without_whole_ends(n)]
            counts = any(isinstance(a, dict) and "size" in a for a in args)
            if counts and n.target not in (
                torch.ops.aten.arange.default,
                torch.ops.aten.arange.start,
                torch.ops.aten.arange.start_step,
            ):
                raise Refused(advice.COUNTS_WORLDS)
            kwargs = {k: self._argument(v) for k, v in n.kwargs.items() if k not in dropped}
        except Refused as refusal:
            raise Refused(str(refusal), line or None) from None
        if n.target is operator.getitem:
            return {"op": "get", "args": args}
        entry: dict[str, Any] = {"op": str(n.target), "args": args}
        return entry | ({"kwargs": kwargs} if kwargs else {}) | ({"line": line} if line else {})

    def _argument(self, a: Any) -> Any:
        if isinstance(a, fx.Node):
            value = a.meta.get("val")
            if a.op == "get_attr":
                raise Refused("torch.cond, while_loop and similar functions cannot be used; use torch.where")
            return _size(value) if isinstance(value, torch.SymInt | torch.SymFloat) else {"value": self.position[a]}
        if isinstance(a, torch.SymInt | torch.SymFloat):
            return _size(a)
        if a is None or isinstance(a, bool | int):
            return a
        if isinstance(a, float):
            return a if math.isfinite(a) else {"float": repr(a)}
        if isinstance(a, torch.dtype):
            return {"dtype": _dtype(a)}
        if isinstance(a, str):
            return {"text": a}
        if isinstance(a, tuple | list):
            return [self._argument(x) for x in a]
        raise Refused(f"a tensor operation has an argument of type {type(a).__name__}, which a reward cannot use")


def _without_whole_ends(n: fx.Node) -> tuple[Any, ...]:
    """The arguments of an operation; a slice up to the end of its tensor, `x[:N]`, becomes one without an end."""
    if n.target is not torch.ops.aten.slice.Tensor or len(n.args) < 4:
        return n.args
    source, dim, start, end = n.args[:4]
    whole = source.meta["val"].shape[dim]  # type: ignore[union-attr,index]
    end = end.meta["val"] if isinstance(end, fx.Node) else end
    same = isinstance(end, torch.SymInt) and isinstance(whole, torch.SymInt) and end.node.expr == whole.node.expr
    return (source, dim, start, sys.maxsize if same else end, *n.args[4:])


def _dtype(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _size(value: torch.SymInt | torch.SymFloat) -> Any:
    """A symbolic size as {"size": k}, for k * N."""
    expression = value.node.expr
    symbols = list(expression.free_symbols)
    if not symbols:
        return int(expression) if isinstance(value, torch.SymInt) else float(expression)
    slope = expression.diff(symbols[0])
    whole = isinstance(value, torch.SymInt) and slope.is_Integer and slope > 0
    if whole and expression == slope * symbols[0]:
        return {"size": int(slope)}
    raise Refused(advice.COUNTS_WORLDS)


def self_test(
    source: str, text: str, wanted: dict[str, Field], assumed: int | None, worlds: int = TESTED_WORLDS
) -> None:
    """Compare eager execution with the program, three times: finds hidden state, random numbers and clocks.

    This is a quality check, not a safety check: code in the jail can falsify it.
    """
    try:
        program = rebuild(text, wanted, worlds)
    except Rejected as rejection:
        raise Rejected(re.sub(rf"\b{worlds}\b", "N", str(rejection)), rejection.line) from None
    names = ("total", *program.components)
    function = load(source)
    chance = torch.Generator().manual_seed(0)
    for _ in range(3):
        states = {name: _example(field, worlds, chance) for name, field in wanted.items()}
        # An assumed branch must give the same result for each world alone.
        parts = [slice(w, w + 1) for w in range(worlds)] if assumed else [slice(None)]
        eager = []
        for part in parts:
            copies = {name: value[part].clone() for name, value in states.items()}
            # Selection by a mask must give the same result without the rewrites.
            with adapted(), HostHabits(tracing=False):
                eager.append(flatten(function(**copies), next(iter(copies.values()))))
        results = program(*states.values())
        for part, result in zip(parts, eager, strict=True):
            for name, a, b in zip(names, [result[0], *result[1].values()], results, strict=True):
                b = b[part]
                if a.numel() > 1 and a.shape != b.shape:
                    raise Refused(f"{name!r} has no value for some worlds, since {advice.MASKED}", return_line(source))
                if torch.allclose(a.to(torch.float32).expand(b.shape), b, rtol=1e-3, atol=1e-4, equal_nan=True):
                    continue
                if assumed:
                    raise Refused(advice.ANY, assumed)
                what, line = impure[0] if impure else (None, None)
                raise Refused(
                    f"the reward {what}; it may depend on the state alone"
                    if what
                    else f"{name!r} differs between two calls with the same state: a reward may not keep state, "
                    "draw random numbers, read a clock, or let Python decide by a tensor's values",
                    line,
                )


def _example(field: Field, worlds: int, chance: torch.Generator) -> Tensor:
    shape = (worlds, *field.shape)
    if field.dtype == "bool":
        return torch.rand(shape, generator=chance) > 0.5
    if "int" in field.dtype:
        return torch.randint(0, 100, shape, generator=chance, dtype=DTYPES[field.dtype])
    return torch.randn(shape, generator=chance, dtype=DTYPES[field.dtype])
